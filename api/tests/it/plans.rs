use alloy::primitives::{Address, B256};
use billing_core::{
    chain::{Networks, Rpc},
    plans,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use test_support::Role;

use crate::server::{ADMIN, SUPPORT, Server};

const PLANS: &str = "/v1/billing/admin/plans";

async fn rpc(server: &Server) -> Rpc {
    let chain = &server.chain;
    let networks = Networks::single(&chain.url(), chain.chain_id(), chain.addresses().core_system).expect("a network");
    Rpc::connect(networks.iter().next().expect("one")).await.expect("a node")
}

#[tokio::test]
async fn a_plan_is_created_once_however_often_it_is_asked_for() {
    let server = Server::start().await;
    server.chain.set_automine(false).await.expect("a waiting chain");
    let signed = server.signed(&server.terms(), Role::Merchant(0)).await;
    assert_eq!(server.count("billing_plan_signatures").await, 0, "what is not signed is not stored");

    let first = server.post(Some(ADMIN), PLANS, &signed).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    let first = first.json();
    assert_eq!(first["transactions"][0]["status"], "submitted", "{first}");
    assert_eq!(first["transactions"][0]["chain_id"], 31_337);
    let again = server.post(Some(ADMIN), PLANS, &signed).await.json();
    assert_eq!(again["transactions"][0]["status"], "pending", "{again}");
    assert_eq!(again["transactions"][0]["tx_hash"], first["transactions"][0]["tx_hash"]);

    server.chain.mine(1).await.expect("a block");
    let hash: B256 = first["plan_hash"].as_str().expect("a hash").parse().expect("a hash");
    assert!(plans::exists_on_chain(&rpc(&server).await, hash).await.expect("an answer"));
    let after = server.post(Some(ADMIN), PLANS, &signed).await.json();
    assert_eq!(after["transactions"][0]["status"], "exists");
    assert_eq!(server.count("chain_tx").await, 1);

    let shown = server.get(&format!("/v1/billing/plans/{hash}")).await.json();
    assert_eq!(shown["price"], "10000000");
    assert_eq!(shown["chains"], json!([]), "the mirror has not seen it yet");
    server.wait_until_resolved().await;
}

#[tokio::test]
async fn a_signature_of_somebody_else_stores_nothing() {
    let server = Server::start().await;
    let signed = server.signed(&server.terms(), Role::Merchant(1)).await;
    let body = server.post(Some(ADMIN), PLANS, &signed).await.is_problem(422, "invalid-request");
    assert_eq!(body["errors"][0]["field"], "signature");
    assert_eq!(server.count("billing_plan_signatures").await + server.count("chain_tx").await, 0);
}

#[tokio::test]
async fn a_merchants_signature_is_kept_as_the_contract_takes_it() {
    let server = Server::start().await;
    let mut signed = server.signed(&server.terms(), Role::Merchant(0)).await;
    let mut bytes = alloy::hex::decode(signed["signature"].as_str().expect("hex")).expect("hex");
    // As some hardware wallets give the parity.
    bytes[64] -= 27;
    signed["signature"] = json!(alloy::hex::encode_prefixed(bytes));
    let answer = server.post(Some(ADMIN), PLANS, &signed).await.json();
    assert_eq!(answer["transactions"][0]["status"], "submitted", "{answer}");
    assert_eq!(server.count("billing_plan_signatures where get_byte(signature, 64) in (27, 28)").await, 1);
}

#[tokio::test]
async fn chains_that_are_not_served_are_named() {
    let server = Server::start().await;
    let mut terms = server.terms();
    terms["chain_ids"] = json!([31_337, 5]);
    let signed = server.signed(&terms, Role::Merchant(0)).await;
    let transactions = server.post(Some(ADMIN), PLANS, &signed).await.json()["transactions"].clone();
    assert_eq!(transactions[0]["status"], "submitted", "{transactions}");
    assert_eq!(transactions[1], json!({ "chain_id": 5, "tx_hash": null, "status": "not_configured" }));
    terms["chain_ids"] = json!([5]);
    let body = server.post(Some(ADMIN), PLANS, &terms).await.is_problem(422, "invalid-request");
    assert_eq!(body["errors"][0]["field"], "chain_ids");
}

#[tokio::test]
async fn without_an_operator_wallets_create_and_nobody_freezes() {
    let server = Server::start_with(&[]).await;
    let signed = server.signed(&server.terms(), Role::Merchant(0)).await;
    let answer = server.post(Some(ADMIN), PLANS, &signed).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let payload = answer.json()["txn_payloads"][0].clone();
    assert_eq!(
        payload["to"].as_str().map(str::to_lowercase),
        Some(server.chain.addresses().plan_manager.to_string().to_lowercase())
    );
    assert_eq!(payload["value"], "0");
    assert!(payload["gas"].as_u64().is_some_and(|gas| gas > 21_000), "{payload}");
    let hash = answer.json()["plan_hash"].as_str().expect("a hash").to_owned();
    let body = json!({ "frozen": true });
    server.post(Some(ADMIN), &format!("{PLANS}/{hash}/freeze"), &body).await.is_problem(503, "not-configured");
}

#[tokio::test]
async fn support_freezes_a_plan_and_lets_it_go_on() {
    let server = Server::start().await;
    let hash = server.plan().await;
    let path = format!("{PLANS}/{hash}/freeze");
    let rpc = rpc(&server).await;
    server.wait_until_resolved().await;
    server.chain.set_automine(false).await.expect("a waiting chain");
    // The last two: what is still to be mined counts, not only what the chain says now.
    for (frozen, status) in
        [(false, "exists"), (true, "submitted"), (true, "pending"), (false, "submitted"), (false, "pending")]
    {
        let answer = server.post(Some(SUPPORT), &path, &json!({ "frozen": frozen })).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        assert_eq!(answer.json()["transactions"][0]["status"], status, "{}", answer.text);
    }
    server.chain.mine(1).await.expect("a block");
    let on_chain = plans::terms_on_chain(&rpc, hash.parse().expect("a hash")).await.expect("an answer");
    assert_eq!(on_chain.map(|terms| terms.frozen), Some(false));
    assert_eq!(server.count("chain_tx where status <> 'reverted'").await, 3);
    server.wait_until_resolved().await;
    assert_eq!(server.count("chain_tx where status = 'mined'").await, 3);
    let elsewhere = json!({ "frozen": true, "chain_id": 5 });
    server.post(Some(SUPPORT), &path, &elsewhere).await.is_problem(422, "invalid-request");
}

#[tokio::test]
async fn a_change_is_made_by_the_merchants_wallet() {
    let server = Server::start().await;
    let hash = server.plan().await;
    let path = format!("{PLANS}/{hash}");
    let change =
        |body: serde_json::Value| server.send(server.request(Method::PATCH, &path).bearer_auth(ADMIN).json(&body));
    let answer = change(json!({ "uri": "https://plans.example/new", "status": "closed" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["txn_payloads"].as_array().map(Vec::len), Some(2), "{body}");
    assert_eq!(body["refused"], json!([]));
    let refused = change(json!({ "status": "active" })).await.json();
    assert_eq!(refused["txn_payloads"], json!([]), "it is active already: {refused}");
    assert_eq!(refused["refused"][0]["chain_id"], 31_337);
    change(json!({})).await.is_problem(422, "invalid-request");
    change(json!({ "price": "1" })).await.is_problem(422, "invalid-request");
}

#[tokio::test]
async fn pages_of_plans_meet_without_gap_or_overlap() {
    let server = Server::start_with(&[]).await;
    let mut terms = server.terms();
    for salt in 0..5 {
        terms["salt"] = json!(salt.to_string());
        let signed = server.signed(&terms, Role::Merchant(0)).await;
        assert_eq!(server.post(Some(ADMIN), PLANS, &signed).await.status, StatusCode::OK);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let merchant: Address = Role::Merchant(0).address();
        let page = server.get(&format!("/v1/billing/plans?merchant={merchant}&limit=2{cursor}")).await.json();
        for plan in page["plans"].as_array().expect("plans") {
            seen.push(plan["plan_hash"].as_str().expect("a hash").to_owned());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
}
