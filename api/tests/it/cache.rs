use reqwest::StatusCode;
use test_support::{Redis, Role};

use crate::server::Server;

#[tokio::test]
async fn a_cached_plan_goes_when_the_mirror_sees_a_change() {
    let server = Server::start().await;
    let hash = server.plan().await;
    server.wait_until_shown(&hash, false).await;
    sqlx::query("update billing_plan_state set frozen = true")
        .execute(server.database.pool())
        .await
        .expect("an update");
    let cached = server.get(&format!("/v1/billing/plans/{hash}")).await.json();
    assert_eq!(cached["chains"][0]["frozen"], false, "nobody said that it changed");
    server.mirror_frozen(&hash, true).await;
    server.wait_until_shown(&hash, true).await;
}

#[tokio::test]
async fn plans_are_served_while_redis_is_away() {
    let mut redis = Redis::start().await.expect("a Redis");
    let url = redis.url();
    let server = Server::start_with(&["--operator-key", &Role::Operator.key(), "--redis-url", &url]).await;
    let hash = server.plan().await;
    server.wait_until_shown(&hash, false).await;
    let client = redis::Client::open(url).expect("a url");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let cached: Option<String> =
        redis::cmd("GET").arg(format!("billing:plan:{hash}")).query_async(&mut connection).await.expect("an answer");
    assert!(cached.is_some_and(|json| json.contains(&hash)));

    redis.kill();
    assert_eq!(server.get(&format!("/v1/billing/plans/{hash}")).await.status, StatusCode::OK);
    server.mirror_frozen(&hash, true).await;
    server.wait_until_shown(&hash, true).await;

    redis.restart().await.expect("a Redis again");
    server.wait_until_shown(&hash, true).await;
    server.mirror_frozen(&hash, false).await;
    server.wait_until_shown(&hash, false).await;
}
