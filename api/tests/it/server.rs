//! One API on a port of its own, with its database and chain.

use std::time::Duration;

use alloy::dyn_abi::TypedData;
use alloy::hex;
use alloy::signers::SignerSync;
use billing_api::{config::Config, state::AppState};
use clap::Parser;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use test_support::{Chain, Database, Role};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub const ADMIN: &str = "the-admin's-token";
pub const SUPPORT: &str = "the-support's-token";
pub const INTERNAL: &str = "the-cron's-token";

pub struct Server {
    pub base: String,
    pub database: Database,
    pub chain: Chain,
    http: reqwest::Client,
    shutdown: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer is a problem with this status and the last part of its type.
    #[track_caller]
    pub fn is_problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(!self.header("x-request-id").is_empty());
        let body = self.json();
        assert_eq!(body["type"], format!("urn:abono:problem:{kind}"), "{body}");
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string());
        assert!(body["instance"].as_str().is_some_and(|path| path.starts_with('/')), "{body}");
        body
    }
}

impl Server {
    /// With the operator's and the automation's keys.
    pub async fn start() -> Self {
        Self::start_with(&["--operator-key", &Role::Operator.key(), "--automation-key", &Role::Automation.key()]).await
    }

    pub async fn start_with(arguments: &[&str]) -> Self {
        let database = Database::new().await;
        let chain = Chain::start(31_337).await.expect("a chain");
        let chain_id = chain.chain_id().to_string();
        let core_system = chain.addresses().core_system.to_string();
        let (tokens, url) = (tokens(), chain.url());
        let mut all = vec!["billing-api", "--database-url", database.url(), "--service-tokens", &tokens];
        all.extend(["--rpc-url", &url, "--chain-id", &chain_id, "--core-system", &core_system]);
        all.extend(arguments);
        let config = Config::try_parse_from(all).expect("arguments");
        let state = AppState::connect(&config).await.expect("a state");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = CancellationToken::new();
        tokio::spawn(billing_api::run(listener, state, shutdown.clone()));
        Self { base, database, chain, http: reqwest::Client::new(), shutdown }
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.expect("a body") }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, token: Option<&str>, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).json(body);
        self.send(if let Some(token) = token { request.bearer_auth(token) } else { request }).await
    }

    pub async fn count(&self, table: &'static str) -> i64 {
        let query = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(query).fetch_one(self.database.pool()).await.expect("a count")
    }

    /// Terms of merchant 0's plan on this chain.
    pub fn terms(&self) -> Value {
        json!({
            "chain_ids": [self.chain.chain_id()],
            "merchant": Role::Merchant(0).address(),
            "token": self.chain.addresses().token,
            "price": "10000000",
            "period_secs": 2_592_000,
            "trial_secs": 0,
            "max_fee_bps": 250,
            "salt": "1",
            "uri": "https://plans.example/basic",
        })
    }

    /// `terms` with the signature of `signer`.
    pub async fn signed(&self, terms: &Value, signer: Role) -> Value {
        let answer = self.post(Some(ADMIN), "/v1/billing/admin/plans", terms).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.json()["status"], "signature_required");
        let mut signed = terms.clone();
        signed["signature"] = sign(&answer.json()["typed_data"], signer);
        signed
    }

    /// Takes merchant 0's plan, sends it to the chain where there is an operator, and puts it where the mirror would; gives its hash.
    pub async fn plan(&self) -> String {
        let signed = self.signed(&self.terms(), Role::Merchant(0)).await;
        let answer = self.post(Some(ADMIN), "/v1/billing/admin/plans", &signed).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        sqlx::query(
            "insert into billing_plan_state (chain_id, plan_hash, merchant, token, price, period_secs, trial_secs,
                                             max_fee_bps, status, frozen, uri, created_block, updated_block, updated_at)
             select 31337, plan_hash, merchant, token, price, period_secs, trial_secs, max_fee_bps, 'active', false, uri,
                    1, 1, now()
             from billing_plan_signatures",
        )
        .execute(self.database.pool())
        .await
        .expect("a mirrored plan");
        answer.json()["plan_hash"].as_str().expect("a hash").to_owned()
    }

    /// What the mirror does when it sees a plan frozen.
    pub async fn mirror_frozen(&self, plan_hash: &str, frozen: bool) {
        let mut tx = self.database.pool().begin().await.expect("a transaction");
        sqlx::query("update billing_plan_state set frozen = $1")
            .bind(frozen)
            .execute(&mut *tx)
            .await
            .expect("an update");
        let message = json!({ "plan_hash": plan_hash });
        billing_core::outbox::push(&mut tx, "billing.plan.changed.v1", plan_hash, &message).await.expect("a message");
        tx.commit().await.expect("a commit");
    }

    /// Waits until the API knows what became of every transaction of the operator.
    pub async fn wait_until_resolved(&self) {
        for _ in 0..50 {
            if self.count("chain_tx where status = 'pending'").await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("a transaction is not resolved after 10 s");
    }

    /// Waits until the plan is shown so.
    pub async fn wait_until_shown(&self, plan_hash: &str, frozen: bool) {
        for _ in 0..100 {
            let answer = self.get(&format!("/v1/billing/plans/{plan_hash}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            if answer.json()["chains"][0]["frozen"] == frozen {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the plan is not shown as frozen = {frozen}");
    }
}

pub fn sign(typed_data: &Value, signer: Role) -> Value {
    let typed: TypedData = serde_json::from_value(typed_data.clone()).expect("typed data");
    let hash = typed.eip712_signing_hash().expect("a hash");
    let signature = signer.signer().sign_hash_sync(&hash).expect("a signature");
    Value::String(hex::encode_prefixed(signature.as_bytes()))
}

fn tokens() -> String {
    [("admin", "billing_admin", ADMIN), ("help", "support", SUPPORT), ("cron", "internal", INTERNAL)]
        .map(|(name, role, token)| format!("{name}:{role}:{}", hex::encode(Sha256::digest(token))))
        .join(",")
}
