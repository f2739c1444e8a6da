use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Shop;
use crate::server::SUPPORT;

fn refunds(payment: &Value) -> String {
    format!("/v1/billing/payments/{}/refunds", payment["payment_id"].as_str().expect("an id"))
}

async fn until_succeeded(shop: &Shop, path: &str) -> Value {
    let mut shown = Value::Null;
    for _ in 0..100 {
        shown = shop.get(path).await["refunds"].clone();
        if shown.as_array().is_some_and(|all| all.iter().all(|refund| refund["status"] == "succeeded")) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not given back after 10 s: {shown}");
}

#[tokio::test]
async fn a_part_is_given_back_and_its_credits_are_gone_at_once() {
    for provider in ["yookassa", "stripe"] {
        let shop = Shop::open().await;
        let paid = shop.paid("order-1", provider).await;
        let part = paid["amount_minor"].as_i64().expect("an amount") / 4;
        let path = refunds(&paid);
        let body = json!({ "amount_minor": part, "policy": "unused", "reason": "a quarter was too much" });
        let answer = shop.post(Some(SUPPORT), Some("refund-1"), &path, &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        let refund = answer.json();
        assert_eq!((&refund["amount_minor"], &refund["credits"]), (&json!(part), &json!("250")), "{refund}");
        assert_eq!(shop.credits().await, 750);
        let shown = until_succeeded(&shop, &path).await;
        assert_eq!(shown[0]["refund_id"], refund["refund_id"]);

        let again = shop.post(Some(SUPPORT), Some("refund-1"), &path, &body).await;
        assert_eq!((again.status, &again.json()["refund_id"]), (StatusCode::ACCEPTED, &refund["refund_id"]));
        let mut other = body.clone();
        other["reason"] = json!("another one");
        shop.post(Some(SUPPORT), Some("refund-1"), &path, &other).await.is_problem(409, "idempotency-key-reused");

        let rest = json!({ "policy": "unused", "reason": "the rest" });
        shop.post(Some(SUPPORT), Some("refund-2"), &path, &rest).await;
        let all = until_succeeded(&shop, &path).await;
        assert_eq!((all.as_array().map(Vec::len), shop.credits().await), (Some(2), 0), "{all}");
        shop.post(Some(SUPPORT), Some("refund-3"), &path, &rest).await.is_problem(409, "not-refundable");
    }
}

#[tokio::test]
async fn a_refund_that_the_provider_does_not_make_gives_the_credits_again() {
    let shop = Shop::open().await;
    let paid = shop.paid("order-1", "yookassa").await;
    shop.yookassa.hold_refunds(true);
    let path = refunds(&paid);
    shop.post(Some(SUPPORT), Some("refund-1"), &path, &json!({ "policy": "unused", "reason": "asked for" })).await;
    assert_eq!(shop.credits().await, 0);
    for _ in 0..100 {
        if let Some(refund) = shop.yookassa.refunds().first() {
            let id = refund["id"].as_str().expect("an id");
            shop.yookassa.decide_refund(id, Some("insufficient_funds")).expect("an open refund");
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..150 {
        if shop.get(&path).await["refunds"][0]["status"] == "canceled" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let shown = shop.get(&path).await["refunds"][0].clone();
    assert_eq!((&shown["cancel_code"], shop.credits().await), (&json!("insufficient_funds"), 1_000), "{shown}");
}
