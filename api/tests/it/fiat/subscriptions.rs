//! Subscriptions that are paid in fiat money.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{OWNER, Shop, external};
use crate::server::{ADMIN, INTERNAL, SUPPORT};

const PATH: &str = "/v1/billing/fiat-subscriptions";

fn wish(plan: &str) -> Value {
    json!({
        "plan_hash": plan,
        "provider": "yookassa",
        "currency": "RUB",
        "owner": OWNER,
        "return_url": "https://shop.example/thanks",
        "email": "anna@example.org",
        "receipt": { "vat_code": 1, "payment_subject": "service", "payment_mode": "full_payment" },
    })
}

fn path_of(own: &Value, verb: &str) -> String {
    format!("{PATH}/{}{verb}", own["fiat_subscription_id"].as_str().expect("an id"))
}

/// A subscription as soon as a field of it is so.
async fn until(shop: &Shop, own: &Value, field: &str, value: Value) -> Value {
    let mut shown = Value::Null;
    for _ in 0..200 {
        shown = shop.get(&path_of(own, "")).await;
        if shown[field] == value {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{field} is not {value} after 20 s: {shown}");
}

/// One whose first period is paid.
async fn active(shop: &Shop) -> Value {
    let plan = shop.priced_plan().await;
    let begun = shop.post(Some(INTERNAL), Some("one"), PATH, &wish(&plan)).await.json();
    shop.yookassa.pay(external(&begun["first_payment"])).expect("a payment that waits");
    until(shop, &begun, "status", json!("active")).await
}

/// As if it had begun a period and some seconds earlier.
async fn period_passes(shop: &Shop) {
    for sql in [
        "update fiat_subscription_payment
            set period_start = period_start - (period_end - period_start) - interval '5 s',
                period_end = period_start - interval '5 s'",
        "update fiat_subscription set started_at = started_at - make_interval(secs => period_secs + 5),
                paid_until = paid_until - make_interval(secs => period_secs + 5), look_at = look_at - make_interval(secs => period_secs + 5)",
    ] {
        sqlx::query(sql).execute(shop.server.database.pool()).await.expect("an update");
    }
}

#[tokio::test]
async fn a_subscription_is_begun_on_a_page_and_renewed_by_itself() {
    let shop = Shop::open().await;
    let plan = shop.priced_plan().await;
    let answer = shop.post(Some(INTERNAL), Some("one"), PATH, &wish(&plan)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let begun = answer.json();
    assert_eq!((&begun["status"], &begun["amount_minor"]), (&json!("incomplete"), &json!(99_000)), "{begun}");
    assert_eq!(begun["first_payment"]["payment_id"], begun["open_payment_id"]);
    let again = shop.post(Some(INTERNAL), Some("one"), PATH, &wish(&plan)).await;
    assert_eq!((again.status, again.json()), (StatusCode::CREATED, begun.clone()));

    shop.yookassa.pay(external(&begun["first_payment"])).expect("a payment that waits");
    let own = until(&shop, &begun, "status", json!("active")).await;
    assert_eq!((&own["periods_paid"], &own["open_payment_id"]), (&json!(1), &Value::Null), "{own}");
    assert!(own["payment_method_id"].is_string() && own["next_charge_at"] == own["paid_until"], "{own}");

    period_passes(&shop).await;
    let own = until(&shop, &begun, "periods_paid", json!(2)).await;
    assert_eq!(own["status"], "active", "{own}");
    assert_eq!(shop.yookassa.payments().len(), 2);
    assert!(shop.yookassa.payments().iter().all(|payment| payment["status"] == "succeeded"));
    assert_eq!(shop.yookassa.violations(), Vec::<String>::new());
    let page = shop.get(&format!("{PATH}?owner={OWNER}&limit=1")).await;
    assert_eq!((&page["fiat_subscriptions"][0], &page["next_cursor"]), (&own, &Value::Null));
}

#[tokio::test]
async fn a_canceled_subscription_keeps_its_time_and_is_not_renewed() {
    let shop = Shop::open().await;
    let own = active(&shop).await;
    let cancel = async |token| shop.post(token, None, &path_of(&own, "/cancel"), &json!({})).await;
    cancel(None).await.is_problem(401, "unauthorized");
    cancel(Some(SUPPORT)).await.is_problem(403, "forbidden");
    let answer = cancel(Some(INTERNAL)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let canceled = answer.json();
    assert_eq!((&canceled["status"], &canceled["paid_until"]), (&json!("active"), &own["paid_until"]), "{canceled}");
    assert!(canceled["canceled_at"].is_string() && canceled["next_charge_at"].is_null(), "{canceled}");
    assert_eq!(cancel(Some(INTERNAL)).await.json()["canceled_at"], canceled["canceled_at"]);

    period_passes(&shop).await;
    let over = until(&shop, &own, "status", json!("canceled")).await;
    assert_eq!((&over["periods_paid"], shop.yookassa.payments().len()), (&json!(1), 1));
}

#[tokio::test]
async fn another_method_is_its_owners_own() {
    let shop = Shop::open().await;
    let own = active(&shop).await;
    let another = shop.method().await;
    let set = async |id: &str| {
        let body = json!({ "payment_method_id": id });
        shop.post(Some(INTERNAL), None, &path_of(&own, "/method"), &body).await
    };
    let answer = set(&another).await;
    assert_eq!((answer.status, &answer.json()["payment_method_id"]), (StatusCode::OK, &json!(another)));
    set("01890000-0000-7000-8000-000000000000").await.is_problem(404, "payment-method-not-found");
    set("one").await.is_problem(422, "invalid-request");
    shop.post(Some(INTERNAL), None, &path_of(&own, "/cancel"), &json!({})).await;
    set(&another).await.is_problem(409, "fiat-subscription-not-charged");
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused_and_leaves_no_row() {
    let shop = Shop::open().await;
    let plan = shop.priced_plan().await;
    let good = wish(&plan);
    for (field, value) in [
        ("currency", json!("XXX")),
        ("currency", json!("USD")),
        ("provider", json!("paypal")),
        ("owner", json!("")),
        ("owner", json!("a\u{0}b")),
        ("return_url", json!("javascript:alert(1)")),
        ("email", json!("nobody")),
        ("email", json!(null)),
        ("phone", json!("+79001234567")),
        ("receipt", json!({ "vat_code": 0, "payment_subject": "service", "payment_mode": "full_payment" })),
        ("receipt", json!({ "vat_code": 1, "payment_subject": "\u{0}", "payment_mode": "full_payment" })),
        ("amount_minor", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let problem = shop.post(Some(INTERNAL), Some("one"), PATH, &body).await.is_problem(422, "invalid-request");
        let named = if value.is_null() { "receipt" } else { field };
        assert_eq!(problem["errors"][0]["field"], named, "{value}");
    }
    let mut stripe = good.clone();
    stripe["provider"] = json!("stripe");
    let problem = shop.post(Some(INTERNAL), Some("one"), PATH, &stripe).await.is_problem(422, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "provider", "it registers no receipts");
    let nowhere = wish(&format!("0x{}", "00".repeat(32)));
    shop.post(Some(INTERNAL), Some("one"), PATH, &nowhere).await.is_problem(404, "plan-not-found");
    shop.post(Some(INTERNAL), None, PATH, &good).await.is_problem(400, "idempotency-key-required");
    shop.post(None, Some("one"), PATH, &good).await.is_problem(401, "unauthorized");
    shop.post(Some(SUPPORT), Some("one"), PATH, &good).await.is_problem(403, "forbidden");
    let rows = (shop.server.count("fiat_subscription").await, shop.server.count("payment").await);
    assert_eq!((rows, shop.yookassa.requests().len()), ((0, 0), 0));

    let unknown = format!("{PATH}/01890000-0000-7000-8000-000000000000");
    let get = async |path: &str, token: &str| {
        shop.server.send(shop.server.request(Method::GET, path).bearer_auth(token)).await
    };
    get(&unknown, INTERNAL).await.is_problem(404, "fiat-subscription-not-found");
    let cancel = format!("{unknown}/cancel");
    shop.post(Some(INTERNAL), None, &cancel, &json!({})).await.is_problem(404, "fiat-subscription-not-found");
    get(PATH, INTERNAL).await.is_problem(422, "invalid-request");
    get(&format!("{PATH}?owner={OWNER}&cursor=x"), INTERNAL).await.is_problem(422, "invalid-request");
    shop.server.get(&unknown).await.is_problem(401, "unauthorized");

    assert_eq!(shop.post(Some(INTERNAL), Some("one"), PATH, &good).await.status, StatusCode::CREATED);
    let mut other = good.clone();
    other["owner"] = json!("telegram:43");
    shop.post(Some(INTERNAL), Some("one"), PATH, &other).await.is_problem(409, "idempotency-key-reused");
}

#[tokio::test]
async fn a_fiat_price_that_is_not_sound_is_refused() {
    let shop = Shop::open().await;
    let plan = shop.server.plan().await;
    let path = format!("/v1/billing/admin/plans/{plan}/fiat-price");
    let good = json!({ "currency": "RUB", "amount_minor": 99_000 });
    for (field, value) in [
        ("currency", json!("XXX")),
        ("amount_minor", json!(0)),
        ("amount_minor", json!(-1)),
        ("amount_minor", json!(1_000_000_000_000_i64)),
        ("amount_minor", json!("99000")),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let problem = shop.put(ADMIN, &path, &body).await.is_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{value}");
    }
    shop.put(INTERNAL, &path, &good).await.is_problem(403, "forbidden");
    let nowhere = format!("/v1/billing/admin/plans/0x{}/fiat-price", "00".repeat(32));
    shop.put(ADMIN, &nowhere, &good).await.is_problem(404, "plan-not-found");
    assert_eq!(shop.server.count("billing_plan_fiat_price").await, 0);
}
