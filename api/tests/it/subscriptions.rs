use alloy::primitives::U256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::Role;

use crate::server::{Server, sign};

fn request(server: &Server, hash: &str, authorization: &str) -> Value {
    json!({
        "plan_hash": hash,
        "chain_id": server.chain.chain_id(),
        "subscriber": Role::Subscriber(0).address(),
        "authorization": authorization,
        "periods": 3,
    })
}

#[tokio::test]
async fn a_permit_is_signed_first_and_sent_with_the_subscription() {
    let server = Server::start().await;
    let hash = server.plan().await;
    server.chain.mint(Role::Subscriber(0).address(), U256::from(500_000_000)).await.expect("tokens");
    let mut request = request(&server, &hash, "permit");
    let answer = server.post(None, "/v1/billing/subscribe", &request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let typed_data = answer.json()["typed_data"].clone();
    assert_eq!(answer.json()["status"], "signature_required");
    let permit = |signer| {
        let message = &typed_data["message"];
        json!({ "value": message["value"], "deadline": message["deadline"], "signature": sign(&typed_data, signer) })
    };
    request["permit"] = permit(Role::Subscriber(1));
    let refused = server.post(None, "/v1/billing/subscribe", &request).await.is_problem(422, "invalid-request");
    assert_eq!(refused["errors"][0]["field"], "permit.signature");
    request["permit"] = permit(Role::Subscriber(0));
    let ready = server.post(None, "/v1/billing/subscribe", &request).await.json();
    assert_eq!(ready["status"], "ready", "{ready}");
    assert_eq!(ready["approval"], Value::Null);
    assert_eq!(ready["txn_payload"]["chain_id"], 31_337);
    assert!(ready["txn_payload"]["data"].as_str().is_some_and(|data| data.starts_with("0x")));
}

#[tokio::test]
async fn an_approval_goes_before_the_subscription() {
    let server = Server::start().await;
    let hash = server.plan().await;
    let request = request(&server, &hash, "approval");
    server.post(None, "/v1/billing/subscribe", &request).await.is_problem(409, "insufficient-balance");
    server.chain.mint(Role::Subscriber(0).address(), U256::from(500_000_000)).await.expect("tokens");
    let ready = server.post(None, "/v1/billing/subscribe", &request).await.json();
    assert_eq!(ready["status"], "ready", "{ready}");
    assert!(ready["approval"].is_object());
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_told() {
    let server = Server::start().await;
    let hash = server.plan().await;
    let refused = server.post(None, "/v1/billing/subscribe", &request(&server, &hash, "native")).await;
    assert_eq!(refused.is_problem(422, "invalid-request")["errors"][0]["field"], "authorization");
    let nowhere = format!("0x{}", "00".repeat(32));
    let answer = server.post(None, "/v1/billing/subscribe", &request(&server, &nowhere, "approval")).await;
    answer.is_problem(404, "plan-not-found");
    let mut elsewhere = request(&server, &hash, "approval");
    elsewhere["chain_id"] = json!(5);
    server.post(None, "/v1/billing/subscribe", &elsewhere).await.is_problem(422, "invalid-request");
    let wish = json!({ "plan_hash": hash, "chain_id": 31_337, "subscriber": Role::Subscriber(0).address() });
    server.post(None, "/v1/billing/unsubscribe", &wish).await.is_problem(409, "not-subscribed");
}

#[tokio::test]
async fn subscriptions_are_listed_page_by_page_and_by_what_they_are() {
    let server = Server::start().await;
    let hash = server.plan().await;
    for who in (0..5).map(Role::Subscriber) {
        sqlx::query(
            "insert into billing_subscription_state (chain_id, plan_hash, subscriber, status, started_at, next_charge_at,
                                                     charge_count, retries, updated_block, updated_at)
             select 31337, plan_hash, $1, 'active', now(), timestamptz '2026-01-01', 1, 0, 1, now()
             from billing_plan_state",
        )
        .bind(who.address().as_slice())
        .execute(server.database.pool())
        .await
        .expect("a subscription");
    }
    sqlx::query(
        "insert into billing_charge_attempt (charge_attempt_id, chain_id, plan_hash, subscriber, due_at, status, amount,
                                             payment_token, reason)
         select gen_random_uuid(), chain_id, plan_hash, subscriber, next_charge_at, 'pending', 1, $2, 3
         from billing_subscription_state where subscriber = $1",
    )
    .bind(Role::Subscriber(3).address().as_slice())
    .bind([0_u8; 20].as_slice())
    .execute(server.database.pool())
    .await
    .expect("a refused charge");

    let late = server.get(&format!("/v1/billing/subscriptions?status=past_due&plan_hash={hash}")).await.json();
    assert_eq!(late["subscriptions"].as_array().map(Vec::len), Some(1), "{late}");
    assert_eq!(late["subscriptions"][0]["subscriber"], json!(Role::Subscriber(3).address()));
    assert_eq!(late["subscriptions"][0]["last_charge"]["reason"], "InsufficientBalance");

    let mut seen = std::collections::BTreeSet::new();
    let mut path = "/v1/billing/subscriptions?limit=2".to_owned();
    for size in [2, 2, 1] {
        let page = server.get(&path).await.json();
        let rows = page["subscriptions"].as_array().expect("a page");
        assert_eq!(rows.len(), size, "{page}");
        seen.extend(rows.iter().map(|row| row["subscriber"].to_string()));
        path = format!("/v1/billing/subscriptions?limit=2&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
    }
    assert!(path.ends_with("cursor="), "the third page is the last: {path}");
    assert_eq!(seen.len(), 5);
}
