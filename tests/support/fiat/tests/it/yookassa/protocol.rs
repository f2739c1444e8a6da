//! What the adapter never asks, and others may.

use std::time::Duration;

use fiat_emulators::yookassa::{Options, OtherBody, YooKassaEmulator};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use super::no_violations;

struct Shop {
    emulator: YooKassaEmulator,
    client: Client,
}

async fn shop(options: Options) -> Shop {
    let emulator = YooKassaEmulator::start(options).await.expect("a free port");
    Shop { emulator, client: Client::builder().tls_certs_only([]).no_proxy().build().expect("a client") }
}

fn order() -> Value {
    json!({
        "amount": { "value": "10.00", "currency": "RUB" },
        "confirmation": { "type": "redirect", "return_url": "https://shop.example/thanks" },
    })
}

impl Shop {
    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(self.emulator.shop_id(), Some(self.emulator.secret_key()))
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(self.emulator.base_url() + path).header("Idempotence-Key", key).json(body);
        read(self.with_key(request).send().await.expect("answered")).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.with_key(self.client.get(self.emulator.base_url() + path)).send().await.expect("answered")).await
    }
}

async fn read(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_key_is_needed_and_stands_for_one_request() {
    let shop = shop(Options::default()).await;
    let bare = shop.with_key(shop.client.post(shop.emulator.base_url() + "/payments").json(&order()));
    let (status, refused) = read(bare.send().await.expect("answered")).await;
    assert_eq!(
        (status, &refused["code"], &refused["parameter"]),
        (400, &json!("invalid_request"), &json!("Idempotence-Key"))
    );
    for key in ["", "a b", &"k".repeat(65)] {
        assert_eq!(shop.post("/payments", key, &order()).await.0, 400, "{key:?}");
    }
    let (_, first) = shop.post("/payments", "k", &order()).await;
    let mut same = order();
    same["transfers"] = json!([]);
    same["description"] = Value::Null;
    assert_eq!(shop.post("/payments", "k", &same).await, (200, first));
    let mut other = order();
    other["amount"]["value"] = json!("10.01");
    assert_eq!(shop.post("/payments", "k", &other).await.0, 400);
    shop.emulator.advance(Duration::from_secs(24 * 3600));
    assert_eq!(shop.post("/payments", "k", &other).await.0, 200);
    assert_eq!(shop.emulator.payments().len(), 2);
}

#[tokio::test]
async fn a_known_key_with_another_body_may_get_the_first_answer() {
    let shop = shop(Options { other_body: OtherBody::FirstAnswer, ..Options::default() }).await;
    let (_, first) = shop.post("/payments", "k", &order()).await;
    let mut other = order();
    other["amount"]["value"] = json!("10.01");
    assert_eq!(shop.post("/payments", "k", &other).await, (200, first));
}

#[tokio::test]
async fn a_request_that_was_refused_does_not_use_up_its_key() {
    let shop = shop(Options::default()).await;
    let mut nothing = order();
    nothing["amount"]["value"] = json!("0.00");
    let (status, refused) = shop.post("/payments", "k", &nothing).await;
    assert_eq!((status, &refused["parameter"]), (400, &json!("amount.value")));
    assert_eq!(shop.post("/payments", "k", &order()).await.0, 200);
    no_violations(&shop.emulator);
}

#[tokio::test]
async fn a_status_moves_only_forward() {
    let shop = shop(Options::default()).await;
    let (_, made) = shop.post("/payments", "k", &order()).await;
    assert_eq!((&made["status"], &made["paid"]), (&json!("pending"), &json!(false)));
    let id = made["id"].as_str().expect("an id").to_owned();
    let (capture, cancel) = (format!("/payments/{id}/capture"), format!("/payments/{id}/cancel"));
    assert_eq!(shop.post(&capture, "early", &json!({})).await.0, 400);
    assert_eq!(shop.post(&cancel, "early-2", &json!({})).await.0, 400);
    shop.emulator.pay(&id).expect("waits for its payer");
    assert!(shop.emulator.pay(&id).is_err() && shop.emulator.decline(&id, "general_decline").is_err());
    let (status, captured) = shop.post(&capture, "c", &json!({})).await;
    assert_eq!((status, &captured["status"], &captured["refundable"]), (200, &json!("succeeded"), &json!(true)));
    assert_eq!(captured["income_amount"]["value"], "9.65");
    assert_eq!(shop.post(&cancel, "x", &json!({})).await.0, 400);
    assert!(shop.emulator.expire(&id).is_err());
    assert_eq!(shop.post("/payments/none/capture", "n", &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_payer_pays_on_the_page() {
    let shop = shop(Options::default()).await;
    let cards =
        [("card=ok", "waiting_for_capture"), (r#"{"card":"declined"}"#, "canceled"), ("card=card_expired", "canceled")];
    for (at, (card, status)) in cards.into_iter().enumerate() {
        let (_, made) = shop.post("/payments", &format!("k{at}"), &order()).await;
        let url = made["confirmation"]["confirmation_url"].as_str().expect("a page");
        let page = shop.client.get(url).send().await.expect("a page").text().await.expect("text");
        assert!(page.starts_with("10.00 RUB"), "{page}");
        let quiet = Client::builder().tls_certs_only([]).redirect(reqwest::redirect::Policy::none()).build();
        let paid = quiet.expect("a client").post(url).body(card).send().await.expect("answered");
        assert_eq!(paid.headers()["location"], "https://shop.example/thanks");
        assert_eq!(shop.emulator.payment(made["id"].as_str().expect("an id")).expect("kept")["status"], status);
        assert_eq!(shop.client.post(url).body(card).send().await.expect("answered").status(), 409);
    }
    no_violations(&shop.emulator);
}

#[tokio::test]
async fn a_prepayment_is_closed_with_a_receipt_of_its_own() {
    let shop = shop(Options::default()).await;
    let (_, made) = shop.post("/payments", "k", &order()).await;
    let id = made["id"].as_str().expect("an id");
    shop.emulator.pay(id).expect("waits for its payer");
    let amount = json!({ "value": "10.00", "currency": "RUB" });
    let closing = json!({
        "type": "payment",
        "payment_id": id,
        "customer": { "email": "payer@example.com" },
        "items": [{ "description": "Подписка", "quantity": 1, "amount": amount, "vat_code": 1, "payment_mode": "full_payment" }],
        "settlements": [{ "type": "prepayment", "amount": amount }],
        "send": true,
    });
    let (status, receipt) = shop.post("/receipts", "r", &closing).await;
    assert_eq!((status, &receipt["status"]), (200, &json!("succeeded")));
    let (_, listed) = shop.get(&format!("/receipts?payment_id={id}")).await;
    assert_eq!(listed["items"], json!([receipt]));
    let (_, read) = shop.get(&format!("/receipts/{}", receipt["id"].as_str().expect("an id"))).await;
    assert_eq!(read, receipt);
    assert_eq!(shop.get("/me").await.1["account_id"], "100500");
    no_violations(&shop.emulator);
}

#[tokio::test]
async fn what_does_not_exist_is_said_in_the_vendor_s_words() {
    let shop = shop(Options::default()).await;
    for (path, status) in [
        ("/payments/0194c8a5-0000-7000-8000-000000000000", 404),
        ("/nothing", 404),
        ("/payments?cursor=x", 400),
        ("/payments?limit=0", 400),
    ] {
        let (given, body) = shop.get(path).await;
        assert_eq!((given, &body["type"]), (status, &json!("error")), "{path}: {body}");
    }
    let put = shop.with_key(shop.client.put(shop.emulator.base_url() + "/payments")).send().await.expect("answered");
    assert_eq!(put.status(), 405);
    let stranger = shop.client.get(shop.emulator.base_url() + "/me").send().await.expect("answered");
    assert_eq!(read(stranger).await.1["code"], "invalid_credentials");
}
