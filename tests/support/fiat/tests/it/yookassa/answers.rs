//! Answers that no emulator of the vendor gives, and a network may.

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, response::IntoResponse};
use billing_fiat::{FiatProvider, Outcome, Payment, ProviderError, YooKassa, YooKassaConfig};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{order, roubles};

/// Answers everything with the same.
async fn answering(status: u16, body: String) -> YooKassa {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}/v3/", socket.local_addr().expect("bound")).parse().expect("a url");
    let body: Arc<str> = body.into();
    let answer = move || async move {
        (StatusCode::from_u16(status).expect("a status"), [("location", "/elsewhere")], body.to_string())
            .into_response()
    };
    tokio::spawn(async move { axum::serve(socket, Router::new().fallback(answer)).await });
    let config = YooKassaConfig::new("1".to_owned(), "test_key".into());
    YooKassa::new(YooKassaConfig { base_url, timeout: Duration::from_secs(5), ..config }).expect("a client")
}

fn error(code: &str) -> String {
    json!({ "type": "error", "id": "1", "code": code, "description": "no", "parameter": "amount" }).to_string()
}

fn payment() -> Value {
    json!({
        "id": Uuid::now_v7(),
        "status": "succeeded",
        "amount": { "value": "10.00", "currency": "RUB" },
        "created_at": "2026-02-06T10:00:00.000Z",
        "paid": true,
        "test": false,
        "refundable": true,
        "recipient": { "account_id": "1", "gateway_id": "2" },
    })
}

async fn told(body: &Value) -> Result<Payment, ProviderError> {
    answering(200, body.to_string()).await.create(&order(1_000)).await
}

#[tokio::test]
async fn what_a_proxy_says_is_not_the_vendor_s_word() {
    let page = "<html>one more step</html>".to_owned();
    for status in [200, 301, 400, 401, 403, 404, 405, 408, 409, 413, 415, 418, 429, 500, 502, 503, 504] {
        let yookassa = answering(status, page.clone()).await;
        let made = yookassa.create(&order(1_000)).await;
        assert!(matches!(made, Err(ProviderError::Unknown { .. })), "{status}: {made:?}");
        let read = yookassa.payment(&Uuid::now_v7().to_string()).await;
        assert!(matches!(read, Err(ProviderError::Unknown { .. })), "{status}: {read:?}");
    }
}

#[tokio::test]
async fn the_vendor_s_refusals_are_told_apart() {
    for (status, code) in [(400, "invalid_request"), (404, "not_found"), (405, "a"), (410, "gone"), (415, "b")] {
        let wanted = ProviderError::Refused {
            provider: "yookassa",
            code: code.to_owned(),
            description: "no".to_owned(),
            parameter: Some("amount".to_owned()),
        };
        assert_eq!(answering(status, error(code)).await.create(&order(1_000)).await, Err(wanted));
    }
    for (status, code) in [(401, "invalid_credentials"), (403, "forbidden")] {
        let wanted = ProviderError::Credentials { provider: "yookassa", code: code.to_owned() };
        assert_eq!(answering(status, error(code)).await.create(&order(1_000)).await, Err(wanted));
    }
    let gone = answering(410, error("gone")).await.payment(&Uuid::now_v7().to_string()).await;
    assert!(matches!(gone, Err(ProviderError::Refused { .. })), "{gone:?}");
}

#[tokio::test]
async fn an_answer_is_told_as_it_is_whatever_was_asked() {
    let told = told(&payment()).await.expect("read");
    assert_eq!((told.outcome, told.amount, told.reference), (Outcome::Succeeded, roubles(1_000), None));
    assert_eq!((told.test, told.fee_minor), (false, None));
    let mut other = payment();
    other["amount"]["value"] = json!("7.5");
    other["income_amount"] = json!({ "value": "0.00", "currency": "RUB" });
    other["metadata"] = json!({ "payment_id": "ours?", "note": "by hand" });
    let told = self::told(&other).await.expect("read");
    assert_eq!((told.amount, told.fee_minor, told.reference), (roubles(750), Some(750), None));
    other["status"] = json!("waiting_for_capture");
    let held = self::told(&other).await.expect("read");
    assert_eq!((held.outcome, held.fee_minor), (Outcome::Authorized { expires_at: None }, None));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_unknown() {
    let broken = [
        ("/amount/value", json!("-1.00")),
        ("/amount/value", json!("1.005")),
        ("/amount/value", json!("0.00")),
        ("/amount/value", json!(1)),
        ("/amount/currency", json!("XXX")),
        ("/status", json!("paid")),
        ("/created_at", json!("yesterday")),
        ("/test", json!(null)),
    ];
    for (pointer, value) in broken {
        let mut body = payment();
        *body.pointer_mut(pointer).expect("it is there") = value.clone();
        let read = told(&body).await;
        assert!(matches!(read, Err(ProviderError::Unknown { .. })), "{pointer} {value}: {read:?}");
    }
    let mut mixed = payment();
    mixed["refunded_amount"] = json!({ "value": "1.00", "currency": "USD" });
    assert!(told(&mixed).await.is_err());
    let mut long = payment();
    long["description"] = json!("x".repeat(1024 * 1024));
    let Err(ProviderError::Unknown { what, .. }) = told(&long).await else { panic!("it was read") };
    assert_eq!(what, "an answer of more than 1048576 bytes");
}
