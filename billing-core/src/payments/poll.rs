//! What goes on while nobody asks: everything that is open is looked at again, however it came to be open.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{PaymentError, Providers, ask, inbox, refund, refund_repo, repo};

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Notifications that were attended to.
    pub notifications: usize,
    /// Payments that were asked about.
    pub payments: usize,
    /// Refunds that were asked about.
    pub refunds: usize,
    /// Of all of these, those that must be asked about again because no usable answer came.
    pub unanswered: usize,
}

impl Round {
    /// Whether there was nothing to do.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.notifications == 0 && self.payments == 0 && self.refunds == 0
    }
}

/// Attends to up to `limit` of each: notifications, payments, refunds whose time has come. Any number of processes may do so at
/// once; each takes what no other has. Trouble with one does not keep the others back.
///
/// # Errors
/// The database's.
pub async fn poll(
    pool: &PgPool,
    providers: &Providers,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Round, PaymentError> {
    let mut round = Round::default();
    for id in inbox::due(pool, limit).await? {
        round.notifications += 1;
        round.count(inbox::attend(pool, providers, id, now).await)?;
    }
    for id in repo::due(pool, limit).await? {
        round.payments += 1;
        round.count(ask::advance(pool, providers, id, now).await)?;
    }
    for id in refund_repo::due(pool, limit).await? {
        round.refunds += 1;
        round.count(refund::advance(pool, providers, id, now).await)?;
    }
    Ok(round)
}

impl Round {
    /// The database's trouble ends a round; a provider's is its next one's.
    fn count<T>(&mut self, result: Result<T, PaymentError>) -> Result<(), PaymentError> {
        match result {
            Ok(_) => Ok(()),
            Err(PaymentError::Db(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "asked again later");
                self.unanswered += 1;
                Ok(())
            }
        }
    }
}
