use std::{net::Ipv4Addr, sync::Arc, time::Duration as StdDuration};

use anyhow::{Context, Result};
use async_trait::async_trait;
use billing_fiat::{Currency, FiatProvider, Money, Payment, Stripe, StripeConfig};
use fiat_emulators::{
    contract::{Delivery, Forgery, Lost, Stage},
    stripe::{Fault, Options, SignedEvent, StripeEmulator, sign},
};
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use time::OffsetDateTime;

/// The adapter over the emulator.
pub(crate) struct StripeStage {
    pub(crate) emulator: StripeEmulator,
    pub(crate) stripe: Arc<Stripe>,
}

impl StripeStage {
    pub(crate) async fn start() -> Result<Self> {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Result<Self> {
        let emulator = StripeEmulator::start(options).await?;
        let stripe = Arc::new(adapter(&emulator, emulator.secret_key())?);
        Ok(Self { emulator, stripe })
    }

    fn sent(&self, event: &SignedEvent) -> Delivery {
        let mut headers = HeaderMap::new();
        headers.insert("stripe-signature", event.signature.parse().expect("a signature is a header"));
        Delivery { body: event.body.clone(), headers, client: Ipv4Addr::LOCALHOST.into(), now: self.now() }
    }

    pub(crate) fn signed(&self, secret: &str, at: i64, body: &[u8]) -> Delivery {
        self.sent(&SignedEvent { body: body.to_vec(), signature: sign(secret, at, body) })
    }
}

/// An adapter with this key, that waits for an answer for half a second.
pub(crate) fn adapter(emulator: &StripeEmulator, secret_key: &str) -> Result<Stripe> {
    let secrets = ["", "whsec_of_before", emulator.webhook_secret()].map(SecretString::from).into();
    let config = StripeConfig {
        base_url: emulator.base_url().to_owned(),
        timeout: StdDuration::from_millis(500),
        ..StripeConfig::new(SecretString::from(secret_key), secrets)
    };
    Ok(Stripe::new(config)?)
}

#[async_trait]
impl Stage for StripeStage {
    fn provider(&self) -> Arc<dyn FiatProvider> {
        Arc::<Stripe>::clone(&self.stripe)
    }

    fn currency(&self) -> Currency {
        Currency::Usd
    }

    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.emulator.now()).expect("a time of today")
    }

    async fn pay(&self, payment: &Payment) -> Result<()> {
        self.emulator.pay(&payment.external_id)
    }

    async fn decline(&self, payment: &Payment) -> Result<()> {
        self.emulator.decline(&payment.external_id, "generic_decline")?;
        self.emulator.expire(&payment.external_id)
    }

    async fn refuse_next_charge(&self) -> Result<()> {
        self.emulator.refuse_next_charge("insufficient_funds");
        Ok(())
    }

    async fn lose_next_answer(&self, lost: Lost) -> Result<()> {
        self.emulator.fault(if lost == Lost::BeforeEffect { Fault::CutBefore } else { Fault::CutAfter });
        Ok(())
    }

    async fn open_dispute(&self, payment: &Payment, amount: Money) -> Result<String> {
        let charge = payment.charge_id.as_ref().context("nobody has paid")?;
        self.emulator.open_dispute(charge, amount.minor())
    }

    async fn notifications(&self) -> Result<Vec<Delivery>> {
        Ok(self.emulator.take_notifications().iter().map(|event| self.sent(event)).collect())
    }

    fn delivered(&self, body: &[u8]) -> Delivery {
        self.signed(self.emulator.webhook_secret(), self.emulator.now(), body)
    }

    fn forged(&self, genuine: &Delivery, forgery: Forgery) -> Option<Delivery> {
        let mut forged = genuine.clone();
        let (secret, now) = (self.emulator.webhook_secret(), self.emulator.now());
        match forgery {
            Forgery::Secret => return Some(self.signed("whsec_of_another", now, &genuine.body)),
            Forgery::Unsigned => forged.headers.remove("stripe-signature"),
            Forgery::Body => {
                forged.body.push(b' ');
                None
            }
            Forgery::Address => return None,
            Forgery::Stale => return Some(self.signed(secret, now - 310, &genuine.body)),
            Forgery::Future => return Some(self.signed(secret, now + 310, &genuine.body)),
        };
        Some(forged)
    }
}
