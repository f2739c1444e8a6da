//! Stripe's documented interface, as far as taking payments needs it: Checkout, payment intents, refunds, disputes, events.
//!
//! Parameters that are not Stripe's are refused, as are steps that do not go with how things stand. Ids count up; nothing is
//! forgotten but idempotency keys after a day of its clock.

mod account;
mod calls;
mod deliver;
mod fault;
mod form;
mod intents;
mod keys;
mod refunds;
mod refusal;
mod server;
mod sessions;
mod shared;
mod signature;
mod store;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, anyhow};
use axum::Router;
use tokio::{net::TcpListener, runtime::Handle, task::JoinHandle};

pub use fault::Fault;
pub use signature::sign;

use account::Account;
use fault::Planned;
use refusal::Refusal;
use shared::{Shared, locked};

/// How the account behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the provider keeps: hundredths of a percent.
    pub fee_bps: i64,
    /// And this much of each charge, in the smallest unit.
    pub fee_fixed: i64,
    /// Currency of the balance, that fees are told in; that of the charge where there is none.
    pub balance_currency: Option<String>,
    /// Refunds are pending until [`StripeEmulator::settle_refund`].
    pub slow_refunds: bool,
    /// Waits between deliveries of a notification that was not taken.
    pub retries: Vec<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        let retries = [100, 500, 2_000].map(Duration::from_millis).into();
        Self { fee_bps: 290, fee_fixed: 30, balance_currency: None, slow_refunds: false, retries }
    }
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Without query.
    pub path: String,
    /// The form of a POST, the query of a GET; encoded.
    pub parameters: String,
    /// Of the header.
    pub idempotency_key: Option<String>,
    /// `Stripe-Version`.
    pub version: Option<String>,
}

/// A notification that was kept for the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvent {
    /// Byte for byte.
    pub body: Vec<u8>,
    /// Of the header `Stripe-Signature`.
    pub signature: String,
}

/// Stripe on a port of this machine. It ends when this value is dropped.
#[derive(Debug)]
pub struct StripeEmulator {
    base_url: String,
    shared: Arc<Shared>,
    server: JoinHandle<std::io::Result<()>>,
}

impl StripeEmulator {
    /// Starts with an empty account.
    pub async fn start(options: Options) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            retries: options.retries.clone(),
            account: Mutex::new(Account::new(options, base_url.clone())),
            keys: Mutex::default(),
            faults: Mutex::default(),
            requests: Mutex::default(),
            webhook: Mutex::default(),
            deliveries: Mutex::default(),
            http: reqwest::Client::builder().tls_certs_only([]).no_proxy().timeout(Duration::from_secs(5)).build()?,
            runtime: Handle::current(),
            secret_key: "sk_test_emulator".to_owned(),
            webhook_secret: "whsec_emulator".to_owned(),
        });
        let router = Router::new().fallback(server::answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { base_url, shared, server })
    }

    /// In place of `https://api.stripe.com`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The only key it knows.
    pub fn secret_key(&self) -> &str {
        &self.shared.secret_key
    }

    /// What it signs notifications with.
    pub fn webhook_secret(&self) -> &str {
        &self.shared.webhook_secret
    }

    /// Unix seconds, by its clock.
    pub fn now(&self) -> i64 {
        self.shared.account().now()
    }

    /// Its clock jumps ahead.
    pub fn advance(&self, secs: i64) {
        self.shared.account().ahead_secs += secs.max(0);
    }

    /// Befalls the next POST.
    pub fn fault(&self, fault: Fault) {
        self.fault_at("POST", "", fault);
    }

    /// Befalls the next request with this method and this part in its path.
    pub fn fault_at(&self, method: &'static str, path: impl Into<String>, fault: Fault) {
        locked(&self.shared.faults).push(Planned { method, path: path.into(), fault });
    }

    /// Where notifications go; without one they are kept for [`Self::take_notifications`].
    pub fn set_webhook(&self, url: Option<String>) {
        *locked(&self.shared.webhook) = url;
    }

    /// What happened since the last time, oldest first, signed now.
    pub fn take_notifications(&self) -> Vec<SignedEvent> {
        let mut account = self.shared.account();
        let now = account.now();
        let bodies = std::mem::take(&mut account.events).into_iter().map(|event| event.to_string().into_bytes());
        bodies.map(|body| SignedEvent { signature: sign(&self.shared.webhook_secret, now, &body), body }).collect()
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.shared.requests).iter().cloned().collect()
    }

    /// The payer pays the page of this session.
    pub fn pay(&self, session: &str) -> Result<()> {
        self.act(|account| account.pay_session(session, None).map(drop))
    }

    /// The payer's bank says no; the page stays open.
    pub fn decline(&self, session: &str, code: &str) -> Result<()> {
        self.act(|account| match account.pay_session(session, Some(code)) {
            Err(refusal) if refusal.status == 402 => Ok(()),
            other => other.map(drop),
        })
    }

    /// The payer pays by a debit: the page is done, and the money takes days.
    pub fn pay_slowly(&self, session: &str) -> Result<()> {
        self.act(|account| account.pay_session_slowly(session).map(drop))
    }

    /// The debit came, or did not come because of this code.
    pub fn settle_slow(&self, session: &str, failure: Option<&str>) -> Result<()> {
        self.act(|account| account.settle_session(session, failure))
    }

    /// The page's time is over.
    pub fn expire(&self, session: &str) -> Result<()> {
        self.act(|account| account.expire_session(session).map(drop))
    }

    /// The next charge with nobody present is declined with this code.
    pub fn refuse_next_charge(&self, code: &str) {
        self.shared.account().next_refusals.push_back(code.to_owned());
    }

    /// All charges of a method `pm_…` are declined with this code from now on; `None` ends that.
    pub fn refuse_method(&self, method: &str, code: Option<&str>) {
        let methods = &mut self.shared.account().refused_methods;
        match code {
            Some(code) => methods.insert(method.to_owned(), code.to_owned()),
            None => methods.remove(method),
        };
    }

    /// A bank asks this much of an intent's charge back.
    pub fn open_dispute(&self, intent: &str, amount: i64) -> Result<String> {
        self.act(|account| account.open_dispute(intent, amount, false))
    }

    /// A bank asks what it was about; no money goes.
    pub fn open_inquiry(&self, intent: &str, amount: i64) -> Result<String> {
        self.act(|account| account.open_dispute(intent, amount, true))
    }

    /// The bank has decided.
    pub fn close_dispute(&self, dispute: &str, is_won: bool) -> Result<()> {
        self.act(|account| account.close_dispute(dispute, is_won))
    }

    /// A refund arrives; one that had arrived stays.
    pub fn settle_refund(&self, refund: &str) -> Result<()> {
        self.act(|account| account.end_refund(refund, None))
    }

    /// A refund comes back, even one that had succeeded.
    pub fn fail_refund(&self, refund: &str, reason: &str) -> Result<()> {
        self.act(|account| account.end_refund(refund, Some(reason)))
    }

    fn act<T>(&self, act: impl FnOnce(&mut Account) -> Result<T, Refusal>) -> Result<T> {
        let done = act(&mut self.shared.account());
        self.shared.send_events();
        done.map_err(|refusal| anyhow!("HTTP {}: {}", refusal.status, refusal.body))
    }
}

impl Drop for StripeEmulator {
    fn drop(&mut self) {
        self.server.abort();
        locked(&self.shared.deliveries).abort_all();
    }
}
