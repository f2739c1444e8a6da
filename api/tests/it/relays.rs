use alloy::primitives::{Address, U256};
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::Role;

use crate::server::{Server, sign};

const WHO: Role = Role::Subscriber(0);

async fn funded(server: &Server, spender: Address) -> String {
    let hash = server.plan().await;
    server.chain.mint(WHO.address(), U256::from(500_000_000)).await.expect("tokens");
    server.chain.approve(WHO, spender, U256::MAX).await.expect("an approval");
    server.wait_until_resolved().await;
    hash
}

fn wish(server: &Server, hash: &str) -> Value {
    json!({
        "plan_hash": hash,
        "chain_id": server.chain.chain_id(),
        "subscriber": WHO.address(),
        "authorization": "mandate",
        "mandate": { "max_charges": 12 },
        "relay": true,
    })
}

/// Subscribes without a transaction of the wallet's; gives the request with its signature and the answer to it.
async fn subscribe(server: &Server, hash: &str) -> (Value, Value) {
    let mut request = wish(server, hash);
    let step = server.post(None, "/v1/billing/subscribe", &request).await;
    assert_eq!(step.status, StatusCode::OK, "{}", step.text);
    let step = step.json();
    assert_eq!(step["status"], "signature_required", "{step}");
    assert_eq!(step.get("permit_typed_data"), None, "nothing is missing: {step}");
    request["mandate"] = step["mandate"].clone();
    request["mandate"]["signature"] = sign(&step["typed_data"], WHO);
    let sent = server.post(None, "/v1/billing/subscribe", &request).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text);
    (request, sent.json())
}

/// What a wallet signs to end, pause or resume, and the request with the signature.
async fn order(server: &Server, path: &str, hash: &str) -> Value {
    let chain_id = server.chain.chain_id();
    let mut request = json!({ "plan_hash": hash, "chain_id": chain_id, "subscriber": WHO.address(), "relay": true });
    let step = server.post(None, path, &request).await;
    assert_eq!(step.status, StatusCode::OK, "{}", step.text);
    let typed_data = step.json()["typed_data"].clone();
    let message = &typed_data["message"];
    request["order"] =
        json!({ "nonce": message["nonce"], "deadline": message["deadline"], "signature": sign(&typed_data, WHO) });
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_begun_paused_resumed_and_ended_without_a_transaction_of_the_wallet() {
    let server = Server::start().await;
    let hash = funded(&server, server.chain.addresses().subscription_manager).await;
    let (request, sent) = subscribe(&server, &hash).await;
    let again = server.post(None, "/v1/billing/subscribe", &request).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    assert_eq!(again.json()["relay_id"], sent["relay_id"], "the same message is the same relay");

    for path in ["/v1/billing/pause", "/v1/billing/resume", "/v1/billing/unsubscribe"] {
        server.wait_until_resolved().await;
        let signed = order(&server, path, &hash).await;
        let answer = server.post(None, path, &signed).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{path}: {}", answer.text);
    }
    server.wait_until_resolved().await;
    let path = format!("/v1/billing/relays/{}", sent["relay_id"].as_str().expect("an id"));
    for _ in 0..50 {
        let relay = server.get(&path).await.json();
        if relay["status"] == "mined" {
            assert!(relay["gas_used"].as_u64().is_some_and(|gas| gas > 21_000), "{relay}");
            assert!(relay["fee_wei"].is_string(), "{relay}");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("not settled: {}", server.get(&path).await.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_used_up_says_when_to_come_back() {
    let operator = Role::Operator.key();
    let server = Server::start_with(&["--operator-key", &operator, "--relay-daily-wei", "1000"]).await;
    let hash = funded(&server, server.chain.addresses().subscription_manager).await;
    let mut request = wish(&server, &hash);
    let step = server.post(None, "/v1/billing/subscribe", &request).await.json();
    request["mandate"] = step["mandate"].clone();
    request["mandate"]["signature"] = sign(&step["typed_data"], Role::Subscriber(1));
    let forged = server.post(None, "/v1/billing/subscribe", &request).await.is_problem(422, "invalid-request");
    assert_eq!(forged["errors"][0]["field"], "mandate.signature");
    request["mandate"]["signature"] = sign(&step["typed_data"], WHO);
    let refused = server.post(None, "/v1/billing/subscribe", &request).await;
    refused.is_problem(429, "relay-budget");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 3_600));
    assert_eq!(server.count("billing_relay").await, 0);
}

#[tokio::test]
async fn what_goes_with_a_mandate_goes_with_nothing_else() {
    let server = Server::start_with(&[]).await;
    let nowhere = format!("0x{}", "11".repeat(32));
    let request = |changes: Value| {
        let mut request = wish(&server, &nowhere);
        request.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        request
    };
    for (changes, field) in [
        (json!({ "authorization": "approval" }), "relay"),
        (json!({ "authorization": "approval", "relay": false }), "mandate"),
        (json!({ "relay": false, "mandate": { "signature": "0x00" } }), "mandate.signature"),
        (json!({ "mandate": { "signature": "0x00" } }), "mandate.signature"),
        (json!({ "mandate": { "rail": "cheque" } }), "mandate.rail"),
        (json!({ "periods": 121 }), "periods"),
    ] {
        let refused = server.post(None, "/v1/billing/subscribe", &request(changes)).await;
        assert_eq!(refused.is_problem(422, "invalid-request")["errors"][0]["field"], field);
    }
    server.post(None, "/v1/billing/subscribe", &wish(&server, &nowhere)).await.is_problem(503, "not-configured");
    let unknown = uuid::Uuid::nil();
    server.get(&format!("/v1/billing/relays/{unknown}")).await.is_problem(404, "relay-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wallet_sends_itself_needs_no_signature_over_the_mandate() {
    let server = Server::start().await;
    let hash = funded(&server, server.chain.addresses().subscription_manager).await;
    let mut request = wish(&server, &hash);
    request["relay"] = json!(false);
    let ready = server.post(None, "/v1/billing/subscribe", &request).await.json();
    assert_eq!(ready["status"], "ready", "{ready}");
    assert_eq!(ready["approval"], Value::Null);
    let body = json!({ "plan_hash": hash, "chain_id": 31_337, "subscriber": WHO.address() });
    server.post(None, "/v1/billing/pause", &body).await.is_problem(409, "not-active");
    server.post(None, "/v1/billing/resume", &body).await.is_problem(409, "not-paused");
    let body = json!({ "from_plan": hash, "to_plan": hash, "chain_id": 31_337, "subscriber": WHO.address() });
    server.post(None, "/v1/billing/switch", &body).await.is_problem(409, "not-active");
    let body = json!({ "account": WHO.address(), "chain_id": 31_337 });
    server.post(None, "/v1/billing/withdraw", &body).await.is_problem(409, "insufficient-deposit");
}
