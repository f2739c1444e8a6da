//! What may happen to somebody's payments, by chance.

use anyhow::Result;
use billing_core::{
    ids::{RefundId, TransferId},
    ledger::{
        Amount, House,
        grants::{self, Spend},
    },
    payments::{self, Payment, PaymentError, RefundPolicy, refund},
};
use billing_fiat::CancelReason;
use fiat_emulators::FakeEvent;
use proptest::prelude::*;

use super::{Shop, shop::rub};

/// One thing that happens; numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A top-up is asked for; again by the same key when the number was used before.
    Asks(u8),
    /// The payer pays.
    Pays(u8),
    /// The payer's bank says no.
    Declines(u8),
    /// Nobody pays in time.
    Expires(u8),
    /// A notification arrives, of those that are on their way.
    Arrives(u8),
    /// One that arrived before arrives again.
    Repeats(u8),
    /// Somebody sends a notification of their own making.
    Forges(u8),
    /// One is lost.
    Loses(u8),
    /// Credits are spent.
    Spends(u16),
    /// A refund of what is unused is asked for.
    Refunds(u8, u16),
    /// Somebody gives money back in the provider's own pages.
    RefundsThere(u8, u16),
    /// Our process looks at what waits.
    Polls,
    /// So much time passes that everything is looked at again.
    Passes,
}

pub fn events() -> impl Strategy<Value = Vec<(Event, Option<u32>)>> {
    let event = prop_oneof![
        4 => (0..4_u8).prop_map(Event::Asks),
        5 => any::<u8>().prop_map(Event::Pays),
        1 => any::<u8>().prop_map(Event::Declines),
        1 => any::<u8>().prop_map(Event::Expires),
        6 => any::<u8>().prop_map(Event::Arrives),
        3 => any::<u8>().prop_map(Event::Repeats),
        2 => any::<u8>().prop_map(Event::Forges),
        1 => any::<u8>().prop_map(Event::Loses),
        2 => (1..1_500_u16).prop_map(Event::Spends),
        2 => (any::<u8>(), 1..60_000_u16).prop_map(|(which, minor)| Event::Refunds(which, minor)),
        1 => (any::<u8>(), 1..60_000_u16).prop_map(|(which, minor)| Event::RefundsThere(which, minor)),
        5 => Just(Event::Polls),
        2 => Just(Event::Passes),
    ];
    // A process may be killed at any of the first waits of what it does.
    let killed = prop_oneof![3 => Just(None), 2 => (0..24_u32).prop_map(Some)];
    prop::collection::vec((event, killed), 8..28)
}

/// One customer's history.
pub struct History<'a> {
    pub shop: &'a Shop,
    pub owner: String,
    pub asked: Vec<String>,
    arrived: Vec<FakeEvent>,
    on_their_way: Vec<FakeEvent>,
    pub spent: u64,
    spends: u32,
}

impl<'a> History<'a> {
    pub fn new(shop: &'a Shop, owner: String) -> Self {
        Self { shop, owner, asked: Vec::new(), arrived: Vec::new(), on_their_way: Vec::new(), spent: 0, spends: 0 }
    }

    pub async fn happens(&mut self, event: Event, killed: Option<u32>) -> Result<()> {
        match event {
            Event::Asks(number) => {
                let key = format!("{}/{number}", self.owner);
                if !self.asked.contains(&key) {
                    self.asked.push(key.clone());
                }
                let asks = async |process: &Shop| process.top_up(&self.owner, &key).await;
                expected(self.shop.killed_at(killed, asks).await?)?;
            }
            Event::Pays(which) => drop(self.chosen(which).await?.map(|payment| self.shop.pay(&payment))),
            Event::Declines(which) => self.ends(which, CancelReason::Declined).await?,
            Event::Expires(which) => self.ends(which, CancelReason::Expired).await?,
            Event::Arrives(which) => {
                self.on_their_way.extend(self.shop.fake.take_notifications());
                if let Some(place) = usize::from(which).checked_rem(self.on_their_way.len()) {
                    let event = self.on_their_way.remove(place);
                    expected(self.shop.killed_at(killed, async |process| process.deliver(&event).await).await?)?;
                    self.arrived.push(event);
                }
            }
            Event::Repeats(which) => {
                if let Some(place) = usize::from(which).checked_rem(self.arrived.len()) {
                    let repeats = async |process: &Shop| process.deliver(&self.arrived[place]).await;
                    expected(self.shop.killed_at(killed, repeats).await?)?;
                }
            }
            Event::Forges(which) => self.forges(which).await?,
            Event::Loses(which) => {
                self.on_their_way.extend(self.shop.fake.take_notifications());
                if let Some(place) = usize::from(which).checked_rem(self.on_their_way.len()) {
                    self.on_their_way.remove(place);
                }
            }
            Event::Spends(credits) => self.spends(credits.into()).await?,
            Event::Refunds(which, minor) => {
                if let Some(payment) = self.chosen(which).await? {
                    let refunds = async |process: &Shop| refunds(process, &payment, minor.into()).await;
                    expected(self.shop.killed_at(killed, refunds).await?)?;
                }
            }
            Event::RefundsThere(which, minor) => {
                if let Some(payment) = self.chosen(which).await? {
                    self.refunds_there(&payment, minor.into()).await;
                }
            }
            Event::Polls => drop(self.shop.killed_at(killed, async |process| process.poll().await).await?.transpose()?),
            Event::Passes => self.shop.time_passes().await?,
        }
        Ok(())
    }

    async fn chosen(&self, which: u8) -> Result<Option<Payment>> {
        let known = payments::page(self.shop.pool(), &self.owner, None, 10).await?;
        let place = usize::from(which).checked_rem(known.len());
        Ok(place.map(|place| known[place].clone()).filter(|payment| payment.external_id.is_some()))
    }

    async fn ends(&self, which: u8, reason: CancelReason) -> Result<()> {
        if let Some(external) = self.chosen(which).await?.and_then(|payment| payment.external_id) {
            // What is paid cannot be declined.
            drop(self.shop.fake.decline(&external, reason));
        }
        Ok(())
    }

    /// Signed by nobody, or long ago, or about a payment that nobody paid.
    async fn forges(&self, which: u8) -> Result<()> {
        let subject = self.chosen(which).await?.and_then(|payment| payment.external_id).unwrap_or_default();
        let body = format!(
            r#"{{"id":"forged-{which}","event":"payment.succeeded","object":"payment","object_id":"{subject}"}}"#
        );
        let forged = match which % 3 {
            0 => FakeEvent {
                body: body.into_bytes(),
                signature: format!("t={},v1=00", self.shop.now().unix_timestamp()),
            },
            1 => FakeEvent::signed(body.into_bytes(), self.shop.now() - time::Duration::hours(1)),
            // Even with the provider's own signature a notification is only a hint.
            _ => FakeEvent::signed(body.into_bytes(), self.shop.now()),
        };
        match self.shop.deliver(&forged).await {
            Err(PaymentError::Webhook(_)) if which % 3 != 2 => Ok(()),
            Ok(_) if which % 3 == 2 => Ok(()),
            other => anyhow::bail!("{which}: {other:?}"),
        }
    }

    async fn spends(&mut self, credits: u64) -> Result<()> {
        self.spends += 1;
        let spend = Spend {
            id: TransferId::new(),
            owner: self.owner.clone(),
            asset: "credits".to_owned(),
            amount: Amount::from(credits),
            product: None,
            credit: House::Revenue.account("credits"),
            reference: None,
        };
        let mut db_tx = self.shop.pool().begin().await?;
        let answer = grants::spend(&mut db_tx, &spend).await?;
        db_tx.commit().await?;
        if answer.is_ok() {
            self.spent += credits;
        }
        Ok(())
    }

    async fn refunds_there(&self, payment: &Payment, minor: i64) {
        let order = billing_fiat::NewRefund {
            reference: uuid::Uuid::now_v7(),
            payment: payment.external_id.clone().unwrap_or_default(),
            charge: payment.charge_id.clone(),
            amount: rub(minor),
            description: "in the provider's pages".to_owned(),
            receipt: None,
        };
        // Too much, or of what was not paid: the provider refuses.
        drop(billing_fiat::FiatProvider::refund(&self.shop.fake, &order).await);
    }
}

async fn refunds(shop: &Shop, payment: &Payment, minor: i64) -> Result<(), PaymentError> {
    let mut db_tx = shop.pool().begin().await?;
    let (id, policy) = (RefundId::new(), RefundPolicy::Unused);
    refund::request_in_tx(&mut db_tx, id, payment.id, Some(rub(minor)), policy, "asked for").await?;
    Ok(db_tx.commit().await?)
}

/// A provider that does not answer, and refusals, are part of life; the database's trouble is not.
fn expected<T>(done: Option<Result<T, PaymentError>>) -> Result<()> {
    match done {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(PaymentError::Provider(_) | PaymentError::NotPaid(_) | PaymentError::NotRefundable { .. })) => Ok(()),
        Some(Err(error)) => Err(error.into()),
    }
}
