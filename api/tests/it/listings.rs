use alloy::{
    primitives::{Address, Bytes, U256, hex},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::Role;

use crate::server::{ADMIN, SUPPORT, Server, sign};

const LISTINGS: &str = "/v1/billing/admin/listings";
const SELLER: Role = Role::Merchant(0);
const BUYER: Role = Role::Subscriber(0);
const PRICE: u64 = 10_000_000;

fn terms(server: &Server, token: Address) -> Value {
    json!({
        "chain_ids": [server.chain.chain_id()],
        "seller": SELLER.address(),
        "token": token,
        "price": PRICE.to_string(),
        "sku": format!("0x{}", "5c".repeat(32)),
        "quantity": 5,
        "max_fee_bps": 250,
    })
}

fn token(server: &Server) -> Address {
    server.chain.addresses().token
}

/// The terms with a salt and the seller's signature, as they are sent the second time.
async fn signed(server: &Server, mut terms: Value) -> Value {
    let answer = server.post(Some(ADMIN), LISTINGS, &terms).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer = answer.json();
    assert_eq!(answer["status"], "signature_required");
    terms["salt"] = answer["salt"].clone();
    terms["signature"] = sign(&answer["typed_data"], SELLER);
    terms
}

/// Stores a listing; gives its hash.
async fn listed(server: &Server, terms: Value) -> String {
    let answer = server.post(Some(ADMIN), LISTINGS, &signed(server, terms).await).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.json()["listing_hash"].as_str().expect("a hash").to_owned()
}

/// A listing in native coin.
pub async fn native(server: &Server) -> String {
    listed(server, terms(server, Address::ZERO)).await
}

fn wish(server: &Server, authorization: &str, quantity: u32) -> Value {
    json!({
        "chain_id": server.chain.chain_id(),
        "buyer": BUYER.address(),
        "quantity": quantity,
        "authorization": authorization,
    })
}

async fn ready(server: &Server, hash: &str, wish: &Value) -> Value {
    let answer = server.post(None, &format!("/v1/billing/listings/{hash}/buy"), wish).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

async fn send(server: &Server, role: Role, payload: &Value) {
    let text = |field: &str| payload[field].as_str().unwrap_or_else(|| panic!("no {field} in {payload}"));
    let request = TransactionRequest::default()
        .to(text("to").parse().expect("an address"))
        .input(text("data").parse::<Bytes>().expect("a call").into())
        .value(text("value").parse().expect("wei"))
        .gas_limit(payload["gas"].as_u64().expect("gas"));
    let sent = server.chain.provider_as(role).send_transaction(request).await.expect("sent");
    assert!(sent.get_receipt().await.expect("a receipt").status(), "reverted: {payload}");
}

async fn paid_to_seller(server: &Server) -> U256 {
    server.chain.balance_of(SELLER.address()).await.expect("a balance")
}

#[tokio::test]
async fn a_listing_is_signed_stored_and_bought_after_an_approval() {
    let server = Server::start().await;
    let (mut wish, hash) = (wish(&server, "approval", 2), listed(&server, terms(&server, token(&server))).await);
    let path = format!("/v1/billing/listings/{hash}/buy");
    server.post(None, &path, &wish).await.is_problem(409, "insufficient-balance");
    server.chain.mint(BUYER.address(), U256::from(5 * PRICE)).await.expect("tokens");

    let steps = ready(&server, &hash, &wish).await;
    assert_eq!(steps["price"], json!({ "gross": "20000000", "discount": "0", "max_amount": "20000000" }));
    send(&server, BUYER, &steps["approval"]).await;
    send(&server, BUYER, &steps["txn_payload"]).await;

    // 2.5 % are the platform's.
    assert_eq!(paid_to_seller(&server).await, U256::from(19_500_000));
    wish["quantity"] = json!(4);
    let refused = server.post(None, &path, &wish).await.is_problem(409, "sold-out");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.starts_with("3 ")), "{refused}");
    let shown = server.get(&format!("/v1/billing/listings/{hash}")).await.json();
    assert_eq!(shown["chains"], json!([{ "chain_id": 31_337, "sold": 0, "left": 5, "revoked": false }]));
    assert_eq!(server.get("/v1/billing/sales").await.json(), json!({ "sales": [], "next_cursor": null }));
}

#[tokio::test]
async fn a_permit_pays_without_an_approval() {
    let server = Server::start().await;
    let hash = listed(&server, terms(&server, token(&server))).await;
    server.chain.mint(BUYER.address(), U256::from(PRICE)).await.expect("tokens");
    let mut wish = wish(&server, "permit", 1);
    let typed_data = ready(&server, &hash, &wish).await["typed_data"].clone();
    let message = &typed_data["message"];
    assert_eq!(message["value"], PRICE.to_string());
    wish["permit"] = json!({
        "value": message["value"],
        "deadline": message["deadline"],
        "signature": sign(&typed_data, BUYER),
    });

    let steps = ready(&server, &hash, &wish).await;
    assert_eq!(steps["approval"], Value::Null);
    send(&server, BUYER, &steps["txn_payload"]).await;

    assert_eq!(paid_to_seller(&server).await, U256::from(9_750_000));
}

#[tokio::test]
async fn native_coin_is_sent_along_less_the_discount() {
    let server = Server::start().await;
    let mut terms = terms(&server, Address::ZERO);
    (terms["discount_bps"], terms["discount_min_quantity"]) = (json!(1_000), json!(3));
    terms["buyer"] = json!(BUYER.address());
    let hash = listed(&server, terms).await;
    assert_eq!(ready(&server, &hash, &wish(&server, "native", 2)).await["price"]["gross"], "20000000");
    let steps = ready(&server, &hash, &wish(&server, "native", 3)).await;
    assert_eq!(steps["price"]["gross"], "27000000");
    assert_eq!(steps["txn_payload"]["value"], "27000000");
    let before = server.chain.provider().get_balance(SELLER.address()).await.expect("a balance");
    send(&server, BUYER, &steps["txn_payload"]).await;
    let after = server.chain.provider().get_balance(SELLER.address()).await.expect("a balance");
    assert_eq!(after - before, U256::from(26_325_000));

    let path = format!("/v1/billing/listings/{hash}/buy");
    let field = |answer: crate::server::Answer| answer.is_problem(422, "invalid-request")["errors"][0]["field"].clone();
    assert_eq!(field(server.post(None, &path, &wish(&server, "approval", 1)).await), "authorization");
    let mut other = wish(&server, "native", 1);
    other["buyer"] = json!(Role::Subscriber(1).address());
    assert_eq!(field(server.post(None, &path, &other).await), "buyer");
    other["chain_id"] = json!(5);
    assert_eq!(field(server.post(None, &path, &other).await), "chain_id");
    let mut priceless = wish(&server, "approval", 1);
    priceless["payment_token"] = json!(token(&server));
    server.post(None, &path, &priceless).await.is_problem(409, "no-quote");
}

#[tokio::test]
async fn a_revoked_listing_is_not_sold() {
    let server = Server::start().await;
    let hash = listed(&server, terms(&server, Address::ZERO)).await;
    let sibling = listed(&server, terms(&server, Address::ZERO)).await;
    let revoke = |scope: &'static str| {
        let (server, path) = (&server, format!("{LISTINGS}/{hash}/revoke"));
        async move { server.post(Some(ADMIN), &path, &json!({ "scope": scope })).await.json() }
    };
    let answer = revoke("listing").await;
    assert_eq!(answer["refused"], json!([]), "{answer}");
    send(&server, SELLER, &answer["txn_payloads"][0]).await;
    let again = revoke("listing").await;
    assert_eq!(again["txn_payloads"], json!([]), "it is revoked already: {again}");

    let buy = |hash: &str| format!("/v1/billing/listings/{hash}/buy");
    server.post(None, &buy(&hash), &wish(&server, "native", 1)).await.is_problem(409, "listing-revoked");
    ready(&server, &sibling, &wish(&server, "native", 1)).await;
    send(&server, SELLER, &revoke("sku").await["txn_payloads"][0]).await;
    server.post(None, &buy(&sibling), &wish(&server, "native", 1)).await.is_problem(409, "listing-revoked");
    let nowhere = "00".repeat(32);
    server
        .post(None, &buy(&format!("0x{nowhere}")), &wish(&server, "native", 1))
        .await
        .is_problem(404, "listing-not-found");
}

#[tokio::test]
async fn a_contract_wallet_sells_and_one_that_refuses_does_not() {
    let server = Server::start().await;
    let wallet = Address::repeat_byte(0xcc);
    // isValidSignature of anything: yes.
    let agrees = hex!("631626ba7e60e01b60005260206000f3");
    let refuses = hex!("60006000fd");
    let mut terms = terms(&server, token(&server));
    terms["seller"] = json!(wallet);
    let mut request = signed(&server, terms).await;
    request["signature"] = json!("0x1234");
    for code in [&[][..], &refuses] {
        server.chain.set_code(wallet, Bytes::copy_from_slice(code)).await.expect("code");
        let refused = server.post(Some(ADMIN), LISTINGS, &request).await.is_problem(422, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], "signature");
    }
    assert_eq!(server.count("billing_listing_signatures").await, 0);
    server.chain.set_code(wallet, Bytes::copy_from_slice(&agrees)).await.expect("code");

    let answer = server.post(Some(ADMIN), LISTINGS, &request).await;

    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let hash = answer.json()["listing_hash"].as_str().expect("a hash").to_owned();
    server.chain.mint(BUYER.address(), U256::from(PRICE)).await.expect("tokens");
    let steps = ready(&server, &hash, &wish(&server, "approval", 1)).await;
    send(&server, BUYER, &steps["approval"]).await;
    send(&server, BUYER, &steps["txn_payload"]).await;
    assert_eq!(server.chain.balance_of(wallet).await.expect("a balance"), U256::from(9_750_000));
}

#[tokio::test]
async fn a_signature_is_kept_as_the_contract_takes_it() {
    let server = Server::start().await;
    let mut request = signed(&server, terms(&server, Address::ZERO)).await;
    let mut bytes = hex::decode(request["signature"].as_str().expect("hex")).expect("hex");
    bytes[64] -= 27;
    request["signature"] = json!(hex::encode_prefixed(bytes));

    let answer = server.post(Some(ADMIN), LISTINGS, &request).await;

    let hash = answer.json()["listing_hash"].as_str().expect("a hash").to_owned();
    let steps = ready(&server, &hash, &wish(&server, "native", 1)).await;
    send(&server, BUYER, &steps["txn_payload"]).await;
    let again = server.post(Some(ADMIN), LISTINGS, &request).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.text);
    assert_eq!(server.count("billing_listing_signatures").await, 1);
}

#[tokio::test]
async fn a_dead_node_leaves_open_whether_a_wallet_signed() {
    let mut server = Server::start().await;
    let mut listing = signed(&server, terms(&server, Address::ZERO)).await;
    listing["signature"] = json!("0x1234");
    let mut plan = server.signed(&server.terms(), SELLER).await;
    plan["signature"] = json!("0x1234");
    server.chain.kill().await.expect("a dead node");
    server.post(Some(ADMIN), LISTINGS, &listing).await.is_problem(502, "chain-unavailable");
    server.post(Some(ADMIN), "/v1/billing/admin/plans", &plan).await.is_problem(502, "chain-unavailable");
    assert_eq!(server.count("billing_listing_signatures").await + server.count("billing_plan_signatures").await, 0);
}

#[tokio::test]
async fn only_an_administrator_lists_and_every_bad_field_is_named() {
    let server = Server::start().await;
    let mut terms = terms(&server, Address::ZERO);
    server.post(None, LISTINGS, &terms).await.is_problem(401, "unauthorized");
    server.post(Some(SUPPORT), LISTINGS, &terms).await.is_problem(403, "forbidden");
    terms["signature"] = json!("0x1234");
    let unsalted = server.post(Some(ADMIN), LISTINGS, &terms).await.is_problem(422, "invalid-request");
    assert_eq!(unsalted["errors"][0]["field"], "salt");
    (terms["price"], terms["quantity"], terms["discount_bps"]) = (json!("0"), json!(0), json!(10_001));
    let body = server.post(Some(ADMIN), LISTINGS, &terms).await.is_problem(422, "invalid-request");
    let fields: Vec<_> =
        body["errors"].as_array().expect("errors").iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["price", "quantity", "discount_bps"]);
    for query in ["limit=0", "cursor=x", "seller=x", "sku=x", "unknown=1"] {
        server.get(&format!("/v1/billing/listings?{query}")).await.is_problem(422, "invalid-request");
    }
    for query in ["limit=0", "cursor=1.2", "cursor=1.2.3.4", "buyer=x", "unknown=1"] {
        server.get(&format!("/v1/billing/sales?{query}")).await.is_problem(422, "invalid-request");
    }
    assert_eq!(server.count("billing_listing_salt").await, 0, "what is refused takes no salt");
}
