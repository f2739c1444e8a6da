//! Fiat money: the API between its callers and two emulated providers.

mod fallbacks;
mod refunds;
mod refused;
mod subscriptions;
mod topups;
mod webhooks;

use std::time::Duration;

use billing_core::ledger::{Amount, grants};
use fiat_emulators::{
    stripe::{self, StripeEmulator},
    yookassa::{self, YooKassaEmulator},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{ADMIN, Answer, INTERNAL, Server};

pub const OWNER: &str = "telegram:42";
pub const TOPUPS: &str = "/v1/billing/topups";

/// An API with two providers, who send their notifications to it.
pub struct Shop {
    pub server: Server,
    pub yookassa: YooKassaEmulator,
    pub stripe: StripeEmulator,
}

impl Shop {
    /// With a pack `small` of 1000 credits for 1000 RUB or 10 USD.
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub async fn open_with(more: &[&str]) -> Self {
        let yookassa = YooKassaEmulator::start(yookassa::Options::default()).await.expect("an emulator");
        let stripe = StripeEmulator::start(stripe::Options::default()).await.expect("an emulator");
        let (shop_id, key, url) = (yookassa.shop_id(), yookassa.secret_key(), yookassa.base_url());
        let mut arguments = vec!["--yookassa-shop-id", &shop_id, "--yookassa-secret-key", &key, "--yookassa-url", &url];
        if !more.contains(&"--yookassa-networks") {
            arguments.extend(["--yookassa-networks", "127.0.0.0/8"]);
        }
        arguments.extend(["--stripe-url", stripe.base_url()]);
        arguments.extend(["--stripe-secret-key", stripe.secret_key()]);
        arguments.extend(["--stripe-webhook-secrets", stripe.webhook_secret()]);
        arguments.extend(more);
        let server = Server::start_with(&arguments).await;
        yookassa.set_webhook(Some(format!("{}/webhooks/yookassa", server.base)));
        stripe.set_webhook(Some(format!("{}/webhooks/stripe", server.base)));
        let shop = Self { server, yookassa, stripe };
        let answer = shop.put_pack("small", &pack()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        shop
    }

    pub async fn put_pack(&self, id: &str, pack: &Value) -> Answer {
        let request = self.server.request(Method::PUT, &format!("/v1/billing/admin/packs/{id}"));
        self.server.send(request.bearer_auth(ADMIN).json(pack)).await
    }

    pub async fn put(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.server.send(self.server.request(Method::PUT, path).bearer_auth(token).json(body)).await
    }

    /// A signed plan whose period costs 990 RUB; its hash.
    pub async fn priced_plan(&self) -> String {
        let hash = self.server.plan().await;
        let price = json!({ "currency": "RUB", "amount_minor": 99_000 });
        let answer = self.put(ADMIN, &format!("/v1/billing/admin/plans/{hash}/fiat-price"), &price).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(
            answer.json(),
            json!({ "plan_hash": hash, "currency": "RUB", "amount_minor": 99_000, "amount": "990.00" })
        );
        hash
    }

    /// A kept method of the owner's.
    pub async fn method(&self) -> String {
        let mut body = top_up("yookassa");
        body["save_method"] = json!(true);
        let payment = self.top_up("a-method", &body).await.json();
        self.yookassa.pay(external(&payment)).expect("a payment that waits");
        self.until(&payment, "succeeded").await;
        let methods = self.get(&format!("/v1/billing/payment-methods?owner={OWNER}")).await;
        methods["payment_methods"][0]["payment_method_id"].as_str().expect("a kept method").to_owned()
    }

    pub async fn top_up(&self, key: &str, body: &Value) -> Answer {
        self.post(Some(INTERNAL), Some(key), TOPUPS, body).await
    }

    pub async fn post(&self, token: Option<&str>, key: Option<&str>, path: &str, body: &Value) -> Answer {
        let mut request = self.server.request(Method::POST, path).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.server.send(request).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.server.send(self.server.request(Method::GET, path).bearer_auth(INTERNAL)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }

    /// A payment as soon as it stands so.
    pub async fn until(&self, payment: &Value, status: &str) -> Value {
        let id = payment["payment_id"].as_str().expect("an id");
        let mut shown = Value::Null;
        for _ in 0..150 {
            shown = self.get(&format!("/v1/billing/payments/{id}")).await;
            if shown["status"] == status {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not {status} after 15 s: {shown}");
    }

    /// A payment through a provider that is paid and booked.
    pub async fn paid(&self, key: &str, provider: &str) -> Value {
        let payment = self.top_up(key, &top_up(provider)).await.json();
        match provider {
            "yookassa" => self.yookassa.pay(external(&payment)).expect("a payment"),
            _ => self.stripe.pay(external(&payment)).expect("a payment"),
        }
        self.until(&payment, "succeeded").await
    }

    /// Credits of the owner.
    pub async fn credits(&self) -> u128 {
        let mut conn = self.server.database.pool().acquire().await.expect("a connection");
        let holdings = grants::holdings(&mut conn, OWNER).await.expect("holdings");
        holdings.iter().fold(Amount::ZERO, |sum, grant| sum.saturating_add(grant.left)).units()
    }

    /// Rows of every table that a payment could be written to.
    pub async fn rows(&self) -> Vec<i64> {
        let mut rows = Vec::new();
        for table in [
            "payment",
            "refund",
            "payment_method",
            "payment_dispute",
            "webhook_inbox",
            "credit_pack",
            "credit_pack_price",
            "ledger_asset",
            "ledger_account",
            "ledger_transfer",
            "outbox",
        ] {
            rows.push(self.server.count(table).await);
        }
        rows
    }

    /// A counter of `/metrics`.
    pub async fn webhooks(&self, provider: &str, outcome: &str) -> u64 {
        let metrics = self.server.get("/metrics").await.text;
        let series = format!("billing_webhook_total{{outcome=\"{outcome}\",provider=\"{provider}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap_or_default()
    }
}

pub fn pack() -> Value {
    json!({
        "title": "1000 credits",
        "credits": "1000",
        "prices": [{ "currency": "RUB", "amount_minor": 100_000 }, { "currency": "USD", "amount_minor": 1_000 }],
        "receipt": { "vat_code": 1, "payment_subject": "service", "payment_mode": "full_prepayment" },
    })
}

pub fn top_up(provider: &str) -> Value {
    json!({
        "pack_id": "small",
        "provider": provider,
        "currency": if provider == "yookassa" { "RUB" } else { "USD" },
        "owner": OWNER,
        "return_url": "https://shop.example/thanks",
        "email": "anna@example.org",
    })
}

/// The provider's id: the page where it is paid ends with it.
pub fn external(payment: &Value) -> &str {
    let url = payment["confirmation_url"].as_str().unwrap_or_else(|| panic!("no page: {payment}"));
    url.rsplit('/').next().expect("a last part")
}
