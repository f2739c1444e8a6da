use std::time::Duration;

use fiat_emulators::stripe::sign;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Shop, external, top_up};
use crate::server::Answer;

async fn tell(shop: &Shop, provider: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let mut request = shop.server.request(Method::POST, &format!("/webhooks/{provider}")).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    shop.server.send(request).await
}

fn notification(event: &str, id: &str) -> Value {
    json!({ "type": "notification", "event": event, "object": { "id": id, "status": "succeeded", "paid": true,
            "amount": { "value": "1000000.00", "currency": "RUB" } } })
}

/// Until all that was kept is attended to.
async fn attended(shop: &Shop) {
    for _ in 0..100 {
        if shop.server.count("webhook_inbox where status = 'received' and attempts = 0").await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("notifications are not attended to");
}

#[tokio::test]
async fn a_notification_that_comes_ten_times_is_booked_once() {
    let shop = Shop::open().await;
    shop.yookassa.repeat_notifications(10);
    shop.paid("order-1", "yookassa").await;
    attended(&shop).await;
    assert_eq!((shop.credits().await, shop.server.count("webhook_inbox").await), (1_000, 1));
    assert_eq!(shop.webhooks("yookassa", "new").await, 1);
}

#[tokio::test]
async fn late_notifications_in_any_order_change_nothing_that_is_final() {
    let shop = Shop::open().await;
    shop.yookassa.hold_notifications(true);
    let first = shop.top_up("order-1", &top_up("yookassa")).await.json();
    let second = shop.top_up("order-2", &top_up("yookassa")).await.json();
    shop.yookassa.pay(external(&first)).expect("a payment that waits");
    shop.yookassa.decline(external(&second), "general_decline").expect("a payment that waits");
    // Nobody is told: both are asked about.
    shop.until(&first, "succeeded").await;
    shop.until(&second, "canceled").await;
    let told: Vec<Value> = shop.yookassa.take_notifications();
    let wrong =
        [notification("payment.canceled", external(&first)), notification("payment.succeeded", external(&second))];
    for body in told.iter().rev().chain(&wrong).chain(&told) {
        assert_eq!(tell(&shop, "yookassa", &[], body.to_string()).await.status, StatusCode::OK);
    }
    attended(&shop).await;
    assert_eq!(shop.until(&first, "succeeded").await["cancel_reason"], Value::Null);
    shop.until(&second, "canceled").await;
    assert_eq!(shop.credits().await, 1_000);
}

#[tokio::test]
async fn what_a_forged_notification_says_is_not_believed() {
    let shop = Shop::open().await;
    let payment = shop.top_up("order-1", &top_up("yookassa")).await.json();
    let id = external(&payment).to_owned();
    let transfers = shop.server.count("ledger_transfer").await;
    let unknown = "2b0f1e7a-000f-5000-8000-1234567890ab";
    for body in [
        notification("payment.succeeded", &id),
        notification("payment.succeeded", unknown),
        notification("refund.succeeded", unknown),
        notification("refund.succeeded", &id),
        notification("deal.closed", unknown),
    ] {
        assert_eq!(tell(&shop, "yookassa", &[], body.to_string()).await.status, StatusCode::OK);
    }
    attended(&shop).await;
    assert_eq!(shop.until(&payment, "pending").await["trouble"], Value::Null);
    assert_eq!((shop.credits().await, shop.server.count("ledger_transfer").await), (0, transfers));
    shop.yookassa.pay(&id).expect("it still waits");
    shop.until(&payment, "succeeded").await;
    assert_eq!(shop.credits().await, 1_000);
}

#[tokio::test]
async fn what_a_provider_did_not_send_is_a_problem_and_leaves_no_row() {
    let shop = Shop::open_with(&["--proxies", "1", "--yookassa-networks", "203.0.113.0/24"]).await;
    let rows = shop.rows().await;
    let known = [("x-forwarded-for", "203.0.113.9")];
    let good = notification("payment.succeeded", "2b0f1e7a-000f-5000-8000-1234567890ab").to_string();
    for foreign in
        [&[][..], &[("x-forwarded-for", "198.51.100.7")], &[("x-forwarded-for", "203.0.113.9, 198.51.100.7")]]
    {
        tell(&shop, "yookassa", foreign, good.clone()).await.is_problem(403, "foreign-address");
    }
    for body in ["", "{", "{}", "[]", r#"{"type":"notification","event":"payment.succeeded","object":{"id":"../x"}}"#] {
        tell(&shop, "yookassa", &known, body).await.is_problem(400, "malformed-notification");
    }
    let large = vec![b' '; 256 * 1024 + 1];
    tell(&shop, "yookassa", &known, large.clone()).await.is_problem(413, "body-too-large");

    let (secret, now) = (shop.stripe.webhook_secret().to_owned(), shop.stripe.now());
    let event = r#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs_1"}}}"#;
    let signed = |secret: &str, at: i64, body: &str| sign(secret, at, body.as_bytes());
    let other = signed("whsec_other", now, event);
    for signature in [None, Some("t=1"), Some("nonsense"), Some(other.as_str())] {
        let headers: Vec<_> = signature.map(|signature| ("stripe-signature", signature)).into_iter().collect();
        tell(&shop, "stripe", &headers, event).await.is_problem(400, "bad-signature");
    }
    let stale = signed(&secret, now - 301, event);
    tell(&shop, "stripe", &[("stripe-signature", &stale)], event).await.is_problem(400, "stale-signature");
    let tampered = event.replace("cs_1", "cs_2");
    let right = signed(&secret, now, event);
    tell(&shop, "stripe", &[("stripe-signature", &right)], tampered).await.is_problem(400, "bad-signature");
    let empty = signed(&secret, now, "{}");
    tell(&shop, "stripe", &[("stripe-signature", &empty)], "{}").await.is_problem(400, "malformed-notification");
    tell(&shop, "stripe", &[("stripe-signature", &right)], large).await.is_problem(413, "body-too-large");
    tell(&shop, "paypal", &known, good.clone()).await.is_problem(404, "not-found");

    assert_eq!(shop.rows().await, rows);
    assert_eq!(shop.webhooks("yookassa", "foreign-address").await, 3);
    assert_eq!(shop.webhooks("stripe", "bad-signature").await, 5);
    assert_eq!(
        tell(&shop, "yookassa", &known, good).await.status,
        StatusCode::OK,
        "the same from the provider is kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_burst_is_taken_whole_and_a_strangers_is_not() {
    let limits =
        ["--client-rps", "1", "--client-burst", "5", "--proxies", "1", "--yookassa-networks", "203.0.113.0/24"];
    let shop = Shop::open_with(&limits).await;
    let burst = (0..300).map(|n| {
        let body = notification("payment.succeeded", &format!("2b0f1e7a-000f-5000-8000-{n:012}"));
        let shop = &shop;
        async move { tell(shop, "yookassa", &[("x-forwarded-for", "203.0.113.9")], body.to_string()).await }
    });
    for answer in futures::future::join_all(burst).await {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let stranger = [("x-forwarded-for", "198.51.100.7")];
        statuses.push(tell(&shop, "yookassa", &stranger, "{}").await.status.as_u16());
    }
    assert_eq!(statuses[..5], [403; 5]);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn an_api_without_providers_has_no_webhooks_and_sells_nothing() {
    let server = crate::server::Server::start_with(&[]).await;
    let answer = server.send(server.request(Method::POST, "/webhooks/yookassa").body("{}")).await;
    answer.is_problem(404, "not-found");
}
