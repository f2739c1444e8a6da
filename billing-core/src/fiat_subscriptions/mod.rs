//! Subscriptions whose every period is paid in fiat money: for people without a wallet.
//!
//! ```text
//! incomplete --(first payment)--> active --(a period is over; the method refuses, or there is none)--> past_due
//!     |                            ^  |                                                               |  |
//!     |                            |  +--(ended by its subscriber, paid time over)--> canceled <------+  |
//!     |                            +-----------------------(paid)----------------------------------------+
//!     +--(never paid)--> canceled                                      past_due --(no more tries)--> failed
//! ```
//!
//! The first payment is made on the provider's page and leaves a method; each later one is held on that method, and taken only after the
//! subscription was looked at again under its lock. Periods follow each other from the first payment on. The one that is paid is the one
//! in which the money is taken: time that nobody paid for is nobody's debt.
//!
//! Invariants, each a test: one payment of a subscription is open at a time, and a period is paid once, both by the rows' own constraints
//! too; who ended a subscription is not charged any more and keeps what was paid for; money that comes after it was given up goes back;
//! killed at any instant, [`step`] and `payments::poll` finish what was begun.
//!
//! Lock order: subscription, then payment, then the ledger's.

mod change;
mod collect;
mod error;
mod late;
mod refusal;
mod repo;
mod start;
mod subscription;

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use crate::{
    ids::FiatSubscriptionId,
    outbox,
    payments::{PaymentError, Providers},
};

pub use change::{cancel, set_method};
pub use error::FiatSubscriptionError;
pub use start::{Started, start, start_in_tx};
pub use subscription::{FiatSubscription, NewFiatSubscription, Status};

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Payments that were begun.
    pub begun: usize,
    /// Holds that are to be taken, or given back.
    pub decided: usize,
    /// Periods that were paid.
    pub paid: usize,
    /// Payments that came to nothing.
    pub declined: usize,
    /// Subscriptions that are over.
    pub ended: usize,
    /// Payments that came too late: their money goes back.
    pub refunded: usize,
}

impl Round {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

/// Brings up to `limit` of each forward, of those that these providers are paid through: subscriptions whose payment is decided, those
/// whose time has come, payments that came too late. Asks no provider: `payments::poll` does. Any number of processes may do so at once.
///
/// # Errors
/// The database's. Trouble with one subscription does not keep the others back.
pub async fn step(
    pool: &PgPool,
    providers: &Providers,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Round, PaymentError> {
    let mut round = Round::default();
    let names = providers.names();
    let mut ready = repo::decided(pool, &names, limit).await?;
    ready.extend(repo::due(pool, &names, now, limit).await?);
    for id in ready {
        told(id, collect::advance(pool, providers, id, now, &mut round).await)?;
    }
    for payment in repo::paid_too_late(pool, &names, limit).await? {
        told(payment, late::give_back(pool, payment, &mut round).await)?;
    }
    Ok(round)
}

/// The database's trouble ends a round; one subscription's is its own.
fn told(what: impl std::fmt::Display, done: Result<(), PaymentError>) -> Result<(), PaymentError> {
    match done {
        Err(PaymentError::Db(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(%what, %error, "a subscription does not go on");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// A subscription.
///
/// # Errors
/// The database's.
pub async fn find(pool: &PgPool, id: FiatSubscriptionId) -> Result<Option<FiatSubscription>, FiatSubscriptionError> {
    Ok(repo::find(pool, id).await?)
}

/// Subscriptions of an owner, the latest first, before `before`.
///
/// # Errors
/// The database's.
pub async fn page(
    pool: &PgPool,
    owner: &str,
    before: Option<FiatSubscriptionId>,
    limit: i64,
) -> Result<Vec<FiatSubscription>, FiatSubscriptionError> {
    Ok(repo::page(pool, owner, before, limit).await?)
}

/// Writes how it stands now, and tells it.
async fn save(conn: &mut PgConnection, own: &FiatSubscription, why: &str) -> sqlx::Result<()> {
    repo::save(conn, own).await?;
    tell(conn, own, why).await
}

async fn tell(conn: &mut PgConnection, own: &FiatSubscription, why: &str) -> sqlx::Result<()> {
    let unix = |at: Option<OffsetDateTime>| at.map(OffsetDateTime::unix_timestamp);
    let message = serde_json::json!({
        "fiat_subscription_id": own.id, "owner": own.owner, "plan_hash": own.plan_hash, "status": own.status.as_str(),
        "why": why, "paid_until": unix(own.paid_until), "next_look_at": unix(own.look_at),
        "canceled_at": unix(own.canceled_at), "payment_method_id": own.method,
    });
    outbox::push(conn, "billing.fiat_subscription.changed.v1", &own.id.to_string(), &message).await
}
