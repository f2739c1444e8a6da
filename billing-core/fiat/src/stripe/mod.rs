//! Stripe, over its documented REST interface.
//!
//! A payment on a page is a Checkout session (`cs_…`), whose intent (`pi_…`) exists once the payer has tried; one with a saved
//! method is an intent alone. Read by the session, or found by its reference, a payment has the session's id and its intent as
//! `charge_id`. Read by the intent, or listed, it has the intent's id as both, for an intent does not name its session: which
//! payment it is, its reference says. As long as a payer chooses on the page, only the session knows it.
//!
//! Under one idempotency key Stripe repeats its first answer for a day, an error 500 too: asking again then tells nothing new,
//! and the caller looks with `find` or `payment`. What Stripe marks as repeated is read again, since it may be old.
//!
//! All our currencies have two digits at Stripe too: none is on its list of exceptions (HUF, ISK, TWD, UGX) or without digits.
//! What is in a currency that we do not take, or was no payment, is not ours: it is left out of lists, and `None` when asked for.

mod client;
mod create;
mod list;
mod read;
mod reason;
mod refund;
mod webhook;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Capabilities, Dispute, FiatProvider, Money, NewPayment, NewRefund, Notification, Outcome, Page, Payment,
    ProviderError, Refund, WebhookError, WebhookRequest, Window,
};
use client::{Client, Pairs, Reply, unknown};
use wire::{Intent, Session};

const NAME: &str = "stripe";
/// Of the interface: an account's own setting does not reach us.
const VERSION: &str = "2026-10-28.endive";

/// How Stripe is reached and believed.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// `https://api.stripe.com`.
    pub base_url: String,
    /// `sk_…` or `rk_…`.
    pub secret_key: SecretString,
    /// `whsec_…`; several while one replaces another.
    pub webhook_secrets: Vec<SecretString>,
    /// How far the time of a signature may be off.
    pub tolerance_secs: i64,
    /// Of one exchange.
    pub timeout: Duration,
}

impl StripeConfig {
    /// With Stripe's own address and tolerance, and 30 seconds for an exchange.
    #[must_use]
    pub fn new(secret_key: SecretString, webhook_secrets: Vec<SecretString>) -> Self {
        Self {
            base_url: "https://api.stripe.com".to_owned(),
            secret_key,
            webhook_secrets,
            tolerance_secs: 300,
            timeout: Duration::from_secs(30),
        }
    }
}

/// An account at Stripe.
#[derive(Debug)]
pub struct Stripe {
    client: Client,
    webhook_secrets: Vec<SecretString>,
    tolerance_secs: i64,
}

impl Stripe {
    /// Asks nobody.
    ///
    /// # Errors
    /// `Unknown` where this machine has no TLS.
    pub fn new(config: StripeConfig) -> Result<Self, ProviderError> {
        let client = Client::new(&config.base_url, config.secret_key, config.timeout)?;
        Ok(Self { client, webhook_secrets: config.webhook_secrets, tolerance_secs: config.tolerance_secs })
    }

    async fn session(&self, id: &str) -> Result<Option<Session>, ProviderError> {
        self.client.get(&format!("/v1/checkout/sessions/{id}"), &read::whole("payment_intent")).await
    }

    async fn intent(&self, id: &str) -> Result<Option<Intent>, ProviderError> {
        self.client.get(&format!("/v1/payment_intents/{id}"), &read::whole("")).await
    }

    /// The payment after something was done to its intent.
    async fn settled(&self, payment: &Payment, reply: &Reply) -> Result<Payment, ProviderError> {
        let intent: Intent = reply.value()?;
        let fresh = if reply.replayed { self.payment(&payment.external_id).await? } else { read::intent(&intent)? };
        let fresh = fresh.ok_or_else(|| unknown("the payment is away".to_owned(), None))?;
        Ok(Payment {
            external_id: payment.external_id.clone(),
            reference: fresh.reference.or(payment.reference),
            ..fresh
        })
    }
}

#[async_trait]
impl FiatProvider for Stripe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { saved_methods: true, two_stage: true, receipts: false, disputes: true }
    }

    async fn create(&self, payment: &NewPayment) -> Result<Payment, ProviderError> {
        create::create(self, payment).await
    }

    async fn capture(&self, payment: &Payment, amount: Money) -> Result<Payment, ProviderError> {
        let intent = intent_id(payment).ok_or_else(|| refused("nothing_to_capture", "nobody has paid yet"))?;
        // Stripe is told a number and takes it in the payment's currency.
        if amount.currency() != payment.amount.currency() {
            return Err(refused("currency_mismatch", "the payment is in another currency"));
        }
        let mut form = read::whole("");
        form.push(("amount_to_capture".to_owned(), amount.minor().to_string()));
        let path = format!("/v1/payment_intents/{intent}/capture");
        let reply = self.client.post(&path, &form, &key(payment, "capture")).await?;
        self.settled(payment, &reply).await
    }

    async fn cancel(&self, payment: &Payment) -> Result<Payment, ProviderError> {
        let held = matches!(payment.outcome, Outcome::Authorized { .. });
        match intent_id(payment) {
            Some(intent) if held || !payment.external_id.starts_with("cs_") => {
                let path = format!("/v1/payment_intents/{intent}/cancel");
                let reply = self.client.post(&path, &read::whole(""), &key(payment, "cancel")).await?;
                self.settled(payment, &reply).await
            }
            // The intent of a session that waits for its payer cannot be canceled by itself.
            _ => {
                let id =
                    checked(&payment.external_id).ok_or_else(|| refused("resource_missing", "no id of Stripe's"))?;
                let path = format!("/v1/checkout/sessions/{id}/expire");
                let reply = self.client.post(&path, &read::whole("payment_intent"), &key(payment, "expire")).await?;
                let session: Session = reply.value()?;
                read::session(&session)?.ok_or_else(|| unknown("the payment is away".to_owned(), None))
            }
        }
    }

    async fn payment(&self, id: &str) -> Result<Option<Payment>, ProviderError> {
        match checked(id) {
            Some(id) if id.starts_with("cs_") => match self.session(id).await? {
                Some(session) => read::session(&session),
                None => Ok(None),
            },
            Some(id) if id.starts_with("pi_") => match self.intent(id).await? {
                Some(intent) => read::intent(&intent),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    async fn find(&self, reference: Uuid, sent_at: OffsetDateTime) -> Result<Option<Payment>, ProviderError> {
        list::find(self, reference, sent_at).await
    }

    async fn refund(&self, refund: &NewRefund) -> Result<Refund, ProviderError> {
        refund::refund(self, refund).await
    }

    async fn refund_by_id(&self, id: &str) -> Result<Option<Refund>, ProviderError> {
        refund::by_id(self, id).await
    }

    async fn dispute(&self, id: &str) -> Result<Option<Dispute>, ProviderError> {
        refund::dispute(self, id).await
    }

    async fn payments(&self, window: Window, cursor: Option<&str>) -> Result<Page<Payment>, ProviderError> {
        list::payments(self, window, cursor).await
    }

    async fn refunds(&self, window: Window, cursor: Option<&str>) -> Result<Page<Refund>, ProviderError> {
        list::refunds(self, window, cursor).await
    }

    fn notification(&self, request: &WebhookRequest<'_>) -> Result<Notification, WebhookError> {
        webhook::read(request, &self.webhook_secrets, self.tolerance_secs)
    }
}

/// An id as Stripe makes them: it goes into a path.
fn checked(id: &str) -> Option<&str> {
    let fits = (4..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    fits.then_some(id)
}

fn intent_id(payment: &Payment) -> Option<&str> {
    let id = payment.charge_id.as_deref().unwrap_or(&payment.external_id);
    checked(id).filter(|id| id.starts_with("pi_"))
}

/// Of what is done once at most to a payment.
fn key(payment: &Payment, verb: &str) -> String {
    match payment.reference {
        Some(reference) => format!("{reference}-{verb}"),
        None => format!("{}-{verb}", payment.external_id),
    }
}

/// What we know that Stripe would refuse, or cannot do.
fn refused(code: &str, description: &str) -> ProviderError {
    ProviderError::Refused {
        provider: NAME,
        code: code.to_owned(),
        description: description.to_owned(),
        parameter: None,
    }
}

fn pairs<const N: usize>(pairs: [(&str, String); N]) -> Pairs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
