//! The document finds what is wrong: that nothing was found elsewhere would say little otherwise.

use axum::http::HeaderMap;
use fiat_emulators::{Ask, yookassa};
use serde_json::{Value, json};
use uuid::Uuid;

fn headers() -> HeaderMap {
    let pairs = [("content-type", "application/json"), ("idempotence-key", "a-key")];
    pairs.into_iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
}

fn asks(body: &Value) -> Vec<String> {
    let ask = Ask { method: "POST", path: "/payments", query: &[], headers: &headers(), body: Some(body) };
    yookassa::document().request(&ask)
}

fn answers(body: &Value) -> Vec<String> {
    yookassa::document().answer("GET", "/payments/0194c8a5-0000-7000-8000-000000000000", 200, body)
}

fn changed(mut body: Value, pointer: &str, value: Value) -> Value {
    *body.pointer_mut(pointer).expect("it is there") = value;
    body
}

fn request() -> Value {
    json!({
        "amount": { "value": "1.00", "currency": "RUB" },
        "capture": true,
        "confirmation": { "type": "redirect", "return_url": "https://shop.example" },
        "metadata": { "payment_id": "1" },
    })
}

fn payment() -> Value {
    json!({
        "id": Uuid::now_v7(),
        "status": "succeeded",
        "amount": { "value": "1.00", "currency": "RUB" },
        "created_at": "2026-02-06T10:00:00.000Z",
        "paid": true,
        "test": true,
        "refundable": true,
        "recipient": { "account_id": "1", "gateway_id": "2" },
        "payment_method": { "type": "bank_card", "id": "1", "saved": false, "status": "inactive" },
    })
}

#[test]
fn what_is_right_is_found_right() {
    assert_eq!(asks(&request()), [""; 0]);
    assert_eq!(answers(&payment()), [""; 0]);
}

#[test]
fn a_broken_request_is_found() {
    let broken = [
        json!({}),
        changed(request(), "/amount", json!({ "value": 1, "currency": "RUB" })),
        changed(request(), "/amount", json!({ "value": "1.00", "currency": "XXX" })),
        changed(request(), "/amount", json!({ "value": "1.00", "currency": "RUB", "valeu": "1.00" })),
        changed(request(), "/capture", json!("yes")),
        changed(request(), "/confirmation", json!({ "type": "redirect" })),
        changed(request(), "/confirmation", json!({ "type": "teleport", "return_url": "https://shop.example" })),
        changed(request(), "/metadata", json!({ "payment_id": 1 })),
    ];
    for body in broken {
        assert!(!asks(&body).is_empty(), "{body}");
    }
    let mut misspelt = request();
    misspelt["save_payment_metod"] = json!(true);
    assert!(asks(&misspelt)[0].contains("save_payment_metod"), "{:?}", asks(&misspelt));
}

#[test]
fn a_broken_answer_is_found() {
    let broken = [
        json!({}),
        changed(payment(), "/status", json!("paid")),
        changed(payment(), "/created_at", json!("yesterday")),
        changed(payment(), "/id", json!("short")),
        changed(payment(), "/payment_method/type", json!("barter")),
        changed(payment(), "/recipient", json!({ "account_id": "1" })),
    ];
    for body in broken {
        assert!(!answers(&body).is_empty(), "{body}");
    }
    let teapot = yookassa::document().answer("GET", "/me", 418, &json!({}));
    assert_eq!(teapot, ["GET /me 418: no such answer"]);
}

#[test]
fn what_surrounds_a_body_is_looked_at_too() {
    let document = yookassa::document();
    let (bare, body) = (HeaderMap::new(), request());
    let ask = Ask { method: "POST", path: "/payments", query: &[], headers: &bare, body: Some(&body) };
    assert_eq!(document.request(&ask).len(), 2);
    assert_eq!(document.request(&Ask { path: "/payment", ..ask }), ["POST /payment: no such operation"]);
    assert_eq!(document.request(&Ask { body: None, headers: &headers(), ..ask }).len(), 1);
    let query = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for query in [query("limit", "101"), query("limit", "ten"), query("status", "paid"), query("page", "2")] {
        let ask = Ask { method: "GET", path: "/payments", query: &query, headers: &bare, body: None };
        assert_eq!(document.request(&ask).len(), 1, "{query:?}");
    }
    let ask = Ask { method: "GET", path: "/payments/short", query: &[], headers: &bare, body: None };
    assert_eq!(document.request(&ask).len(), 1);
}
