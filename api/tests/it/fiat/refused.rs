//! Bad input: a typed problem, and no row.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Shop, TOPUPS, pack, top_up};
use crate::server::{ADMIN, INTERNAL, SUPPORT};

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn a_top_up_that_is_not_sound_is_refused_and_leaves_no_row() {
    let shop = Shop::open().await;
    let rows = shop.rows().await;
    let body = top_up("yookassa");
    for (field, value) in [
        ("currency", json!("XXX")),
        ("currency", json!("EUR")),
        ("currency", json!("")),
        ("provider", json!("paypal")),
        ("owner", json!("")),
        ("owner", json!("a\u{0}b")),
        ("owner", json!("o".repeat(129))),
        ("return_url", json!("javascript:alert(1)")),
        ("return_url", json!("https://")),
        ("return_url", json!("https://shop.example/\u{44f}")),
        ("email", json!("nobody")),
        ("email", json!("a@b.c\r\nBcc: all@b.c")),
        ("phone", json!("+79001234567")),
        ("save_method", json!("yes")),
        ("amount_minor", json!(1)),
    ] {
        let answer = shop.top_up("order-1", &with(body.clone(), field, value.clone())).await;
        let problem = answer.is_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{value}");
    }
    for id in ["none", "", "\u{0}", "small'"] {
        shop.top_up("order-1", &with(body.clone(), "pack_id", json!(id))).await.is_problem(404, "pack-not-found");
    }
    shop.post(Some(INTERNAL), None, TOPUPS, &body).await.is_problem(400, "idempotency-key-required");
    for key in ["", "two words", &"k".repeat(256)] {
        shop.top_up(key, &body).await.is_problem(400, "idempotency-key-required");
    }
    shop.post(None, Some("order-1"), TOPUPS, &body).await.is_problem(401, "unauthorized");
    shop.post(Some(SUPPORT), Some("order-1"), TOPUPS, &body).await.is_problem(403, "forbidden");
    let large = with(body, "owner", json!("o".repeat(64 * 1024)));
    shop.top_up("order-1", &large).await.is_problem(413, "body-too-large");
    assert_eq!((shop.rows().await, shop.yookassa.requests().len()), (rows, 0));
}

#[tokio::test]
async fn a_pack_that_is_not_sound_is_refused_and_leaves_no_row() {
    let shop = Shop::open().await;
    let rows = shop.rows().await;
    let price = |currency: &str, minor: i64| json!([{ "currency": currency, "amount_minor": minor }]);
    for (field, value, named) in [
        ("prices", price("XXX", 100), "prices[0].currency"),
        ("prices", price("RUB", -100), "prices[0].amount_minor"),
        ("prices", price("RUB", 0), "prices[0].amount_minor"),
        ("prices", price("RUB", 1_000_000_000_000), "prices[0].amount_minor"),
        ("prices", json!([]), "prices"),
        ("credits", json!("-1"), "credits"),
        ("credits", json!("0"), "credits"),
        ("credits", json!("9".repeat(39)), "credits"),
        ("asset", json!("RUB"), "asset"),
        ("asset", json!("usd"), "asset"),
        ("asset", json!("new\u{0}"), "asset"),
        ("title", json!("a\u{0}"), "title"),
        ("expires_days", json!(36_501), "expires_days"),
    ] {
        let asset = if field == "asset" { pack() } else { with(pack(), "asset", json!("brand_new")) };
        let answer = shop.put_pack("other", &with(asset, field, value.clone())).await;
        let problem = answer.is_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], named, "{value}");
    }
    let problem = shop.put_pack("Upper", &pack()).await.is_problem(422, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "pack_id");
    let put = shop.server.request(Method::PUT, "/v1/billing/admin/packs/other").bearer_auth(INTERNAL).json(&pack());
    shop.server.send(put).await.is_problem(403, "forbidden");
    assert_eq!(shop.rows().await, rows, "not even the asset was named");
}

#[tokio::test]
async fn a_refund_that_is_not_sound_is_refused_and_leaves_no_row() {
    let shop = Shop::open().await;
    let open = shop.top_up("order-1", &top_up("yookassa")).await.json();
    let paid = shop.paid("order-2", "yookassa").await;
    let path =
        |payment: &Value| format!("/v1/billing/payments/{}/refunds", payment["payment_id"].as_str().expect("an id"));
    let rows = shop.rows().await;
    let body = json!({ "policy": "unused", "reason": "asked for" });
    let ask = async |path: &str, body: &Value| shop.post(Some(SUPPORT), Some("refund-1"), path, body).await;
    ask(&path(&open), &body).await.is_problem(409, "payment-not-paid");
    for amount in [-1_i64, 0, 1_000_000_000_000] {
        let problem = ask(&path(&paid), &with(body.clone(), "amount_minor", json!(amount))).await;
        assert_eq!(problem.is_problem(422, "invalid-request")["errors"][0]["field"], "amount_minor");
    }
    for policy in ["unused", "goodwill"] {
        let much = json!({ "policy": policy, "reason": "asked for", "amount_minor": 100_001 });
        ask(&path(&paid), &much).await.is_problem(409, "not-refundable");
    }
    for (field, value) in [("policy", json!("all")), ("reason", json!("")), ("reason", json!("r".repeat(251)))] {
        ask(&path(&paid), &with(body.clone(), field, value)).await.is_problem(422, "invalid-request");
    }
    let nobody = format!("/v1/billing/payments/{}/refunds", uuid::Uuid::now_v7());
    ask(&nobody, &body).await.is_problem(404, "payment-not-found");
    shop.post(Some(SUPPORT), None, &path(&paid), &body).await.is_problem(400, "idempotency-key-required");
    shop.post(Some(INTERNAL), Some("r"), &path(&paid), &body).await.is_problem(403, "forbidden");
    assert_eq!(shop.rows().await, rows);
    let read = shop.server.send(shop.server.request(Method::GET, &path(&paid))).await;
    read.is_problem(401, "unauthorized");
    let read = shop.server.send(shop.server.request(Method::GET, &path(&paid)).bearer_auth(ADMIN)).await;
    assert_eq!((read.status, read.json()["refunds"].clone()), (StatusCode::OK, json!([])));
}
