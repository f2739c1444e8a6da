use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::Role;

use crate::server::Server;

const CHARGED: &str = "billing.subscription.charged.v1";

async fn told(server: &Server, topic: &str, who: Role, period: i64) {
    let mut tx = server.database.pool().begin().await.expect("a transaction");
    let payload = json!({ "chain_id": 31_337, "subscriber": who.address(), "period": period });
    billing_core::outbox::push(&mut tx, topic, "a subscription", &payload).await.expect("a message");
    tx.commit().await.expect("a commit");
}

/// The first `count` events: their topics, ids and data.
async fn events(server: &Server, query: &str, after: Option<&str>, count: usize) -> Vec<(String, String, Value)> {
    let mut request = server.request(Method::GET, &format!("/v1/billing/subscriptions/events{query}"));
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let (mut text, mut body) = (String::new(), answer.bytes_stream());
    while text.matches("\n\n").count() < count {
        let part = tokio::time::timeout(Duration::from_secs(20), body.next()).await.expect("an event in time");
        text.push_str(&String::from_utf8_lossy(&part.expect("more").expect("a part")));
    }
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {event}")).to_owned()
    };
    let events = text.split("\n\n").filter(|event| !event.trim().is_empty());
    events
        .map(|event| (field(event, "event"), field(event, "id"), field(event, "data").parse().expect("json")))
        .collect()
}

#[tokio::test]
async fn a_stream_tells_of_one_wallet_and_goes_on_where_it_broke_off() {
    let server = Server::start().await;
    let (mine, other) = (Role::Subscriber(0), Role::Subscriber(1));
    let query = format!("?subscriber={}", mine.address());
    let tell = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        told(&server, CHARGED, other, 1).await;
        told(&server, "billing.plan.changed.v1", mine, 2).await;
        told(&server, CHARGED, mine, 3).await;
        told(&server, "billing.subscription.failed.v1", mine, 4).await;
    };

    let (first, ()) = tokio::join!(events(&server, &query, None, 2), tell);
    told(&server, CHARGED, mine, 5).await;
    let resumed = events(&server, &query, Some(&first[0].1), 2).await;

    let periods = |events: &[(String, String, Value)]| {
        events.iter().map(|event| event.2["period"].as_i64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!((periods(&first), periods(&resumed)), (vec![3, 4], vec![4, 5]));
    assert_eq!((first[0].0.as_str(), first[1].0.as_str()), (CHARGED, "billing.subscription.failed.v1"));
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let server = Server::start().await;
    let refused = server.get("/v1/billing/subscriptions/events?after=yesterday").await;
    assert_eq!(refused.is_problem(422, "invalid-request")["errors"][0]["field"], "after");
}
