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

/// Five subscriptions to every plan, each with one period paid.
async fn subscriptions(server: &Server) {
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
}

#[tokio::test]
async fn subscriptions_are_listed_page_by_page_and_by_what_they_are() {
    let server = Server::start().await;
    let hash = server.plan().await;
    subscriptions(&server).await;
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

/// Sets columns of one wallet's subscription.
async fn change(server: &Server, who: u32, change: &'static str) {
    let sql = format!("update billing_subscription_state set {change} where subscriber = $1");
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(Role::Subscriber(who).address().as_slice())
        .execute(server.database.pool())
        .await
        .expect("a change");
    assert_eq!(done.rows_affected(), 1);
}

async fn shown(server: &Server, who: u32) -> Value {
    let subscriber = Role::Subscriber(who).address();
    let page = server.get(&format!("/v1/billing/subscriptions?subscriber={subscriber}")).await.json();
    page["subscriptions"][0].clone()
}

#[tokio::test]
async fn a_subscription_shows_how_it_is_paid_what_bounds_it_and_where_its_plan_stands() {
    let server = Server::start().await;
    server.plan().await;
    subscriptions(&server).await;
    let plain = shown(&server, 0).await;
    assert_eq!(
        (&plain["status"], &plain["rail"], &plain["plan_status"]),
        (&json!("active"), &json!("allowance"), &json!("active"))
    );
    assert_eq!(plain["payment_token"], json!(server.chain.addresses().token));
    for absent in ["max_amount", "charge_limit", "ends_at", "paused_at"] {
        assert!(
            plain.as_object().expect("an object").contains_key(absent) && plain[absent].is_null(),
            "{absent}: {plain}"
        );
    }

    change(
        &server,
        1,
        "rail = 'permit2', payment_token = decode(repeat('09', 20), 'hex'), max_amount = 12, charge_limit = 3",
    )
    .await;
    let bound = shown(&server, 1).await;
    assert_eq!(bound["rail"], "permit2");
    assert_eq!(bound["payment_token"], format!("0x{}", "09".repeat(20)));
    assert_eq!((&bound["max_amount"], &bound["charge_limit"]), (&json!("12"), &json!(3)));

    change(&server, 2, "payment_token = decode(repeat('00', 20), 'hex'), max_amount = 12").await;
    assert_eq!(shown(&server, 2).await["rail"], "native");

    change(&server, 3, "status = 'paused', paused_at = timestamptz '2026-01-02 UTC'").await;
    let paused = shown(&server, 3).await;
    assert_eq!((&paused["status"], &paused["paused_at"]), (&json!("paused"), &json!("2026-01-02T00:00:00Z")));

    sqlx::query("update billing_plan_state set status = 'closed', frozen = true")
        .execute(server.database.pool())
        .await
        .expect("closed");
    let closed = shown(&server, 0).await;
    assert_eq!((&closed["plan_status"], &closed["plan_frozen"]), (&json!("closed"), &json!(true)));
}

#[tokio::test]
async fn a_subscription_has_ended_at_its_last_charge_or_at_its_end_by_the_chains_time() {
    let server = Server::start().await;
    let hash = server.plan().await;
    subscriptions(&server).await;
    sqlx::query(
        "insert into chain_cursor (chain_id, block_number, block_hash, block_time)
         values (31337, 1, decode(repeat('00', 32), 'hex'), timestamptz '2026-02-01 UTC')
         on conflict (chain_id) do update set block_time = excluded.block_time",
    )
    .execute(server.database.pool())
    .await
    .expect("a cursor");
    for (who, bounds, status) in [
        (0, "charge_limit = 1", "ended"),
        (1, "charge_limit = 2", "active"),
        (2, "ends_at = timestamptz '2026-02-01 UTC'", "ended"),
        (3, "ends_at = timestamptz '2026-02-01 00:00:01 UTC'", "active"),
        (4, "charge_limit = 1, status = 'canceled'", "canceled"),
    ] {
        change(&server, who, bounds).await;
        assert_eq!(shown(&server, who).await["status"], status, "{bounds}");
    }
    change(&server, 2, "status = 'paused'").await;
    let ended = server.get(&format!("/v1/billing/subscriptions?status=ended&plan_hash={hash}")).await.json();
    assert_eq!(ended["subscriptions"].as_array().map(Vec::len), Some(2), "{ended}");
}
