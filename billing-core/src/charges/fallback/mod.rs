//! The second rail: a period that the chain cannot pay is taken from a saved method, at the price that its owner agreed to.
//!
//! An attempt that dunning hands over is this rail's until the method paid or refused. The payment is made as a hold; the money is taken
//! only after the attempt was looked at again under its lock, and the attempt's row decides between the rails: the mirror locks it when
//! it sees a charge. Where the chain charged first, the hold is let go; where it charged after, the money is refunded. Both are done by
//! [`step`], whoever died in between.
//!
//! Lock order: attempt, then payment.

mod collect;
mod enroll;
mod fallback_repo;
mod undo;

use sqlx::PgPool;

use crate::payments::{PaymentError, Providers};

pub use enroll::{EnrollError, Fallback, end, enroll, find};
pub(super) use undo::undo;

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Payments that were begun.
    pub begun: usize,
    /// Holds that are to be taken.
    pub captured: usize,
    /// Periods that were paid.
    pub paid: usize,
    /// Methods that refused.
    pub declined: usize,
    /// Payments whose money goes back.
    pub undone: usize,
}

impl Round {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

/// Brings up to `limit` of each forward, of those that these providers are paid through: attempts that were handed over, payments that were
/// decided, payments that are to be undone. Asks no provider: `payments::poll` does. Any number of processes may do so at once.
///
/// # Errors
/// The database's and the ledger's.
pub async fn step(pool: &PgPool, providers: &Providers, limit: i64) -> Result<Round, PaymentError> {
    let mut round = Round::default();
    let names = providers.names();
    for attempt in fallback_repo::handed_over(pool, &names, limit).await? {
        collect::begin(pool, providers, attempt, &mut round).await?;
    }
    for payment in fallback_repo::in_state(pool, "open", &names, limit).await? {
        collect::follow(pool, payment, &mut round).await?;
    }
    fallback_repo::mark_paid_too_late(pool, limit).await?;
    for payment in fallback_repo::in_state(pool, "undo", &names, limit).await? {
        undo::carry_out(pool, payment, &mut round).await?;
    }
    Ok(round)
}
