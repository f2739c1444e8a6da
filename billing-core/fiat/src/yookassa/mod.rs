//! YooKassa: its payments API, version 3.
//!
//! Invariant: each POST carries an idempotence key that is made of our own or the provider's id, so that the same wish is
//! always the same request; an id that is no id of YooKassa's is never put into a path.

mod answer;
mod client;
mod notification;
mod request;

use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::Url;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Capabilities, Dispute, FiatProvider, Money, NewPayment, NewRefund, Notification, Outcome, Page, Payment,
    ProviderError, Refund, RefundOutcome, WebhookError, WebhookRequest, Window,
};
use answer::{ListBody, PaymentBody, RefundBody};
use client::{Client, refused, unknown};
use request::{CaptureRequest, PaymentRequest, RefundRequest};

/// Its name everywhere.
const NAME: &str = "yookassa";

/// How far the provider's clock may be behind ours when a payment is looked for.
const SKEW: time::Duration = time::Duration::minutes(5);

/// How long after the first try a payment can still have been made: 23 hours of asking, and the time of an answer.
const ASKED_FOR: time::Duration = time::Duration::hours(24);

/// Most payments are made at the first try; only what is not among these is looked for in the whole day.
const FIRST_TRY: time::Duration = time::Duration::minutes(10);

/// Characters of an id.
const ID: usize = 36;

/// Parts of 100 that are looked through before it is said that nobody knows.
const MAX_PAGES: usize = 500;

/// What notifications come from, as YooKassa publishes it.
pub const YOOKASSA_NETWORKS: [&str; 7] = [
    "185.71.76.0/27",
    "185.71.77.0/27",
    "77.75.153.0/25",
    "77.75.156.11/32",
    "77.75.156.35/32",
    "77.75.154.128/25",
    "2a02:5180::/32",
];

/// A shop at YooKassa.
#[derive(Clone, Debug)]
pub struct YooKassaConfig {
    /// Where the API is, its version included.
    pub base_url: Url,
    /// The shop's number.
    pub shop_id: String,
    /// The shop's key; one that begins with `test_` moves no real money.
    pub secret_key: SecretString,
    /// What notifications are believed from.
    pub networks: Vec<IpNet>,
    /// Of one exchange, from the first byte to the last.
    pub timeout: Duration,
}

impl YooKassaConfig {
    /// A shop at the real YooKassa, with the published networks and half a minute for an answer.
    #[must_use]
    pub fn new(shop_id: String, secret_key: SecretString) -> Self {
        let base_url = Url::parse("https://api.yookassa.ru/v3").expect("a constant url");
        let networks = YOOKASSA_NETWORKS.iter().map(|network| network.parse().expect("a constant network")).collect();
        Self { base_url, shop_id, secret_key, networks, timeout: Duration::from_secs(30) }
    }
}

/// YooKassa as a [`FiatProvider`].
#[derive(Clone, Debug)]
pub struct YooKassa {
    client: Client,
    networks: Vec<IpNet>,
}

impl YooKassa {
    /// # Errors
    /// No HTTP client can be made on this machine.
    pub fn new(config: YooKassaConfig) -> Result<Self, reqwest::Error> {
        let networks = config.networks.clone();
        Ok(Self { client: Client::new(config)?, networks })
    }

    async fn current(&self, id: &str) -> Result<Payment, ProviderError> {
        let known = self.payment(id).await?;
        known.ok_or_else(|| refused("not_found", format!("there is no payment {id}")))
    }

    /// `None` when there is none among those made in the window.
    async fn find_within(&self, reference: Uuid, window: Window) -> Result<Option<Payment>, ProviderError> {
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let page = self.payments(window, cursor.as_deref()).await?;
            if let Some(found) = page.items.into_iter().find(|payment| payment.reference == Some(reference)) {
                return Ok(Some(found));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(None);
            }
        }
        Err(unknown(format!("more payments than {MAX_PAGES} parts of a list hold")))
    }
}

#[async_trait]
impl FiatProvider for YooKassa {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { saved_methods: true, two_stage: true, receipts: true, disputes: false }
    }

    async fn create(&self, payment: &NewPayment) -> Result<Payment, ProviderError> {
        let key = payment.reference.to_string();
        let made: PaymentBody = self.client.post(&["payments"], &key, &PaymentRequest::new(payment)).await?;
        let made = made.payment()?;
        Ok(if is_final(&made.outcome) { made } else { newer(self.payment(&made.external_id).await, made) })
    }

    async fn capture(&self, payment: &Payment, amount: Money) -> Result<Payment, ProviderError> {
        let id = known_id(&payment.external_id)?;
        let key = format!("{id}-capture");
        let body = CaptureRequest::new(amount);
        let captured: PaymentBody = self.client.post(&["payments", id, "capture"], &key, &body).await?;
        captured.payment()
    }

    /// A payment that waits for its payer ends by itself; until then it is given as it stands.
    async fn cancel(&self, payment: &Payment) -> Result<Payment, ProviderError> {
        let id = known_id(&payment.external_id)?;
        if !matches!(payment.outcome, Outcome::Authorized { .. }) {
            let current = self.current(id).await?;
            if !matches!(current.outcome, Outcome::Authorized { .. }) {
                return Ok(current);
            }
        }
        let key = format!("{id}-cancel");
        let canceled: PaymentBody = self.client.post_without_body(&["payments", id, "cancel"], &key).await?;
        canceled.payment()
    }

    async fn payment(&self, id: &str) -> Result<Option<Payment>, ProviderError> {
        if !is_id(id) {
            return Ok(None);
        }
        let found: Option<PaymentBody> = self.client.get(&["payments", id], &[]).await?;
        found.map(PaymentBody::payment).transpose()
    }

    /// There is no search by metadata: what was made since `sent_at` is looked through.
    async fn find(&self, reference: Uuid, sent_at: OffsetDateTime) -> Result<Option<Payment>, ProviderError> {
        let first = Window { since: sent_at - SKEW, until: sent_at + FIRST_TRY };
        if let Some(found) = self.find_within(reference, first).await? {
            return Ok(Some(found));
        }
        self.find_within(reference, Window { since: first.until, until: sent_at + ASKED_FOR }).await
    }

    async fn refund(&self, refund: &NewRefund) -> Result<Refund, ProviderError> {
        let key = refund.reference.to_string();
        let made: RefundBody = self.client.post(&["refunds"], &key, &RefundRequest::new(refund)).await?;
        let made = made.refund()?;
        let is_final = made.outcome != RefundOutcome::Pending;
        Ok(if is_final { made } else { newer(self.refund_by_id(&made.external_id).await, made) })
    }

    async fn refund_by_id(&self, id: &str) -> Result<Option<Refund>, ProviderError> {
        if !is_id(id) {
            return Ok(None);
        }
        let found: Option<RefundBody> = self.client.get(&["refunds", id], &[]).await?;
        found.map(RefundBody::refund).transpose()
    }

    /// YooKassa's API knows no disputes.
    async fn dispute(&self, _id: &str) -> Result<Option<Dispute>, ProviderError> {
        Ok(None)
    }

    async fn payments(&self, window: Window, cursor: Option<&str>) -> Result<Page<Payment>, ProviderError> {
        let list: ListBody<PaymentBody> = self.client.list("payments", &request::part(window, cursor)).await?;
        list.page(PaymentBody::payment)
    }

    async fn refunds(&self, window: Window, cursor: Option<&str>) -> Result<Page<Refund>, ProviderError> {
        let list: ListBody<RefundBody> = self.client.list("refunds", &request::part(window, cursor)).await?;
        list.page(RefundBody::refund)
    }

    fn notification(&self, request: &WebhookRequest<'_>) -> Result<Notification, WebhookError> {
        notification::read(request, &self.networks)
    }
}

fn known_id(id: &str) -> Result<&str, ProviderError> {
    if is_id(id) { Ok(id) } else { Err(refused("not_found", "this is no id of a payment".to_owned())) }
}

/// The answer to a repeated request may be that of the first time, so it is read anew. When that fails, the older one is no
/// less the provider's word.
fn newer<T>(read: Result<Option<T>, ProviderError>, made: T) -> T {
    read.ok().flatten().unwrap_or(made)
}

const fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Succeeded | Outcome::Canceled(_))
}

/// Of a payment or a refund: a uuid; with what we append it fits into an idempotence key.
fn is_id(text: &str) -> bool {
    text.len() == ID && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
