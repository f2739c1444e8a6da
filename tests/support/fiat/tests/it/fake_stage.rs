use std::{net::Ipv4Addr, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use billing_fiat::{CancelReason, Currency, FiatProvider, Money, Payment};
use fiat_emulators::{
    FakeEvent, FakeProvider,
    contract::{Delivery, Forgery, Lost, Stage},
};
use reqwest::header::HeaderMap;
use time::{Duration, OffsetDateTime};

/// The provider in memory.
pub(crate) struct FakeStage(pub(crate) FakeProvider);

impl FakeStage {
    fn sent(&self, event: &FakeEvent) -> Delivery {
        let mut headers = HeaderMap::new();
        headers.insert("fake-signature", event.signature.parse().expect("a signature is a header"));
        Delivery { body: event.body.clone(), headers, client: Ipv4Addr::LOCALHOST.into(), now: self.0.now() }
    }
}

#[async_trait]
impl Stage for FakeStage {
    fn provider(&self) -> Arc<dyn FiatProvider> {
        Arc::new(self.0.clone())
    }

    fn currency(&self) -> Currency {
        Currency::Rub
    }

    fn now(&self) -> OffsetDateTime {
        self.0.now()
    }

    async fn pay(&self, payment: &Payment) -> Result<()> {
        self.0.pay(&payment.external_id)
    }

    async fn decline(&self, payment: &Payment) -> Result<()> {
        self.0.decline(&payment.external_id, CancelReason::Declined)
    }

    async fn refuse_next_charge(&self) -> Result<()> {
        self.0.refuse_next_charge(CancelReason::InsufficientFunds);
        Ok(())
    }

    async fn lose_next_answer(&self, lost: Lost) -> Result<()> {
        self.0.lose_next_answer(lost);
        Ok(())
    }

    async fn open_dispute(&self, payment: &Payment, amount: Money) -> Result<String> {
        self.0.open_dispute(&payment.external_id, amount)
    }

    async fn notifications(&self) -> Result<Vec<Delivery>> {
        Ok(self.0.take_notifications().iter().map(|event| self.sent(event)).collect())
    }

    fn delivered(&self, body: &[u8]) -> Delivery {
        self.sent(&FakeEvent::signed(body.to_vec(), self.now()))
    }

    fn forged(&self, genuine: &Delivery, forgery: Forgery) -> Option<Delivery> {
        let mut forged = genuine.clone();
        let at = |by| self.sent(&FakeEvent::signed(genuine.body.clone(), self.now() + by));
        match forgery {
            Forgery::Secret => forged.headers.insert("fake-signature", "t=1,v1=00".parse().ok()?),
            Forgery::Unsigned => forged.headers.remove("fake-signature"),
            Forgery::Body => {
                forged.body.push(b' ');
                None
            }
            Forgery::Address => return None,
            Forgery::Stale => return Some(at(Duration::seconds(-301))),
            Forgery::Future => return Some(at(Duration::seconds(301))),
        };
        Some(forged)
    }
}
