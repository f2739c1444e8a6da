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
