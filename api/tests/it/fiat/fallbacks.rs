//! A kept method that pays where a wallet cannot.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use test_support::Role;

use super::{OWNER, Shop};
use crate::server::{Answer, INTERNAL, SUPPORT};

const PATH: &str = "/v1/billing/fallbacks";
const WHO: Role = Role::Subscriber(0);

fn wish(plan: &str, method: &str) -> Value {
    json!({
        "chain_id": 31_337,
        "plan_hash": plan,
        "subscriber": WHO.address(),
        "owner": OWNER,
        "payment_method_id": method,
        "currency": "RUB",
        "email": "anna@example.org",
    })
}

/// A subscription on the chain, as the mirror writes it.
async fn subscribed(shop: &Shop) {
    sqlx::query(
        "insert into billing_subscription_state (chain_id, plan_hash, subscriber, status, started_at, next_charge_at,
                                                 charge_count, retries, updated_block, updated_at)
         select 31337, plan_hash, $1, 'active', now(), now() + interval '1 day', 1, 0, 1, now() from billing_plan_state",
    )
    .bind(WHO.address().as_slice())
    .execute(shop.server.database.pool())
    .await
    .expect("a subscription");
}

async fn send(shop: &Shop, method: Method, token: &str, query: &str) -> Answer {
    shop.server.send(shop.server.request(method, &format!("{PATH}?{query}")).bearer_auth(token)).await
}

#[tokio::test]
async fn a_fallback_is_agreed_to_shown_and_ended() {
    let shop = Shop::open().await;
    let (plan, method) = (shop.priced_plan().await, shop.method().await);
    subscribed(&shop).await;
    let answer = shop.put(INTERNAL, PATH, &wish(&plan, &method)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let agreed = json!({
        "chain_id": 31_337, "plan_hash": plan, "subscriber": WHO.address(), "owner": OWNER, "payment_method_id": method,
        "currency": "RUB", "amount_minor": 99_000, "amount": "990.00",
    });
    assert_eq!(answer.json(), agreed);

    let query = format!("chain_id=31337&plan_hash={plan}&subscriber={}", WHO.address());
    assert_eq!(send(&shop, Method::GET, SUPPORT, &query).await.json(), agreed);
    send(&shop, Method::DELETE, SUPPORT, &query).await.is_problem(403, "forbidden");
    assert_eq!(send(&shop, Method::DELETE, INTERNAL, &query).await.status, StatusCode::NO_CONTENT);
    send(&shop, Method::DELETE, INTERNAL, &query).await.is_problem(404, "fallback-not-found");
    send(&shop, Method::GET, INTERNAL, &query).await.is_problem(404, "fallback-not-found");
    assert_eq!(shop.put(INTERNAL, PATH, &wish(&plan, &method)).await.status, StatusCode::OK, "and again");
}

#[tokio::test]
async fn what_cannot_be_agreed_to_is_refused_and_leaves_no_row() {
    let shop = Shop::open().await;
    let (plan, method) = (shop.priced_plan().await, shop.method().await);
    let good = wish(&plan, &method);
    shop.put(INTERNAL, PATH, &good).await.is_problem(404, "subscription-not-found");
    subscribed(&shop).await;
    for (field, value) in [
        ("chain_id", json!(u64::MAX)),
        ("currency", json!("XXX")),
        ("currency", json!("USD")),
        ("owner", json!("a\u{0}b")),
        ("email", json!("nobody")),
        ("phone", json!("+79001234567")),
        ("payment_method_id", json!("one")),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let problem = shop.put(INTERNAL, PATH, &body).await.is_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{value}");
    }
    for (field, value) in
        [("owner", json!("telegram:43")), ("payment_method_id", json!("01890000-0000-7000-8000-000000000000"))]
    {
        let mut body = good.clone();
        body[field] = value;
        shop.put(INTERNAL, PATH, &body).await.is_problem(404, "payment-method-not-found");
    }
    shop.put(SUPPORT, PATH, &good).await.is_problem(403, "forbidden");
    send(&shop, Method::GET, INTERNAL, "chain_id=31337").await.is_problem(422, "invalid-request");
    assert_eq!(shop.server.count("billing_fallback").await, 0);
}
