//! What every adapter of the port promises, tried over whatever stands in for its provider.

mod delivery;
mod later;
mod listing;
mod notifying;
mod offer;
mod paying;
mod refunding;

use std::sync::Arc;

use anyhow::{Result, bail};
use async_trait::async_trait;
use billing_fiat::{Currency, FiatProvider, Money, Payment};
use futures::future::BoxFuture;
use time::OffsetDateTime;

pub use delivery::{Delivery, Forgery};

/// How an answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing was done.
    BeforeEffect,
    /// It was done.
    AfterEffect,
}

/// A provider with the world around it: payers, their banks, and a network that breaks.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The adapter that is tried.
    fn provider(&self) -> Arc<dyn FiatProvider>;

    /// In which its account takes money.
    fn currency(&self) -> Currency;

    /// By the provider's clock.
    fn now(&self) -> OffsetDateTime;

    /// The payer pays on the page.
    async fn pay(&self, payment: &Payment) -> Result<()>;

    /// The payer's bank says no, and the payer gives up.
    async fn decline(&self, payment: &Payment) -> Result<()>;

    /// The next charge with nobody present is declined: there is too little money.
    async fn refuse_next_charge(&self) -> Result<()>;

    /// The answer to the next request that does something is lost.
    async fn lose_next_answer(&self, lost: Lost) -> Result<()>;

    /// The payer's bank asks this much back; the dispute's id.
    async fn open_dispute(&self, payment: &Payment, amount: Money) -> Result<String>;

    /// What the provider sent since the last time.
    async fn notifications(&self) -> Result<Vec<Delivery>>;

    /// Any body as the provider would send it.
    fn delivered(&self, body: &[u8]) -> Delivery;

    /// A notification that is not to be believed; `None` where this provider's could not be told from a genuine one.
    fn forged(&self, genuine: &Delivery, forgery: Forgery) -> Option<Delivery>;
}

type Run = for<'a> fn(&'a dyn Stage) -> BoxFuture<'a, Result<()>>;

/// The promises, by name. Each makes what it needs, and does not mind what others made.
const PROMISES: [(&str, Run); 24] = [
    ("a payment waits for its payer", |stage| Box::pin(paying::waits(stage))),
    ("a payment is made once, however often it is asked for", |stage| Box::pin(paying::made_once(stage))),
    ("a payment that is asked for again is told as it stands now", |stage| Box::pin(paying::told_as_it_stands(stage))),
    ("a lost answer, asked again, is the same payment", |stage| Box::pin(paying::lost_answer(stage))),
    ("a payment is found by its reference and no other", |stage| Box::pin(paying::found(stage))),
    ("what is paid has succeeded, with a fee", |stage| Box::pin(paying::paid(stage))),
    ("what was declined is canceled for good", |stage| Box::pin(paying::declined(stage))),
    ("a payment that waits is canceled, or is told to wait on", |stage| Box::pin(paying::called_off(stage))),
    ("held money is captured in part, and the rest is not a refund", |stage| Box::pin(later::captured(stage))),
    ("held money is given back", |stage| Box::pin(later::given_back(stage))),
    ("a lost answer to a capture takes the money once", |stage| Box::pin(later::captured_once(stage))),
    ("no more is captured than is held", |stage| Box::pin(later::captured_too_much(stage))),
    ("a saved method pays with nobody present", |stage| Box::pin(later::saved(stage))),
    ("a saved method is charged once, whatever is lost", |stage| Box::pin(later::charged_once(stage))),
    ("a saved method that is declined is a canceled payment", |stage| Box::pin(later::saved_declined(stage))),
    ("refunds add up to the payment and no further", |stage| Box::pin(refunding::add_up(stage))),
    ("a refund is made once, whatever is lost", |stage| Box::pin(refunding::made_once(stage))),
    ("what was not paid is not refunded", |stage| Box::pin(refunding::unpaid(stage))),
    ("a dispute names its payment", |stage| Box::pin(refunding::disputed(stage))),
    ("ids that nobody has are none", |stage| Box::pin(listing::unknown_ids(stage))),
    ("lists have everything of a window once", |stage| Box::pin(listing::pages(stage))),
    ("notifications name what they are about", |stage| Box::pin(notifying::subjects(stage))),
    ("forged notifications are not believed", |stage| Box::pin(notifying::forgeries(stage))),
    ("what a provider cannot do it refuses", |stage| Box::pin(listing::capabilities(stage))),
];

/// Tries every promise.
///
/// # Errors
/// Names the promises that are not kept.
pub async fn holds(stage: &dyn Stage) -> Result<()> {
    let mut broken = Vec::new();
    for (name, run) in PROMISES {
        if let Err(error) = run(stage).await {
            broken.push(format!("{name}: {error:#}"));
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let provider = stage.provider().name();
    bail!("{provider} breaks {} of {} promises:\n{}", broken.len(), PROMISES.len(), broken.join("\n"))
}
