//! What goes on while nobody asks: everything that is open is looked at again, however it came to be open.

use futures::{Stream, StreamExt as _, stream};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{PaymentError, Providers, ask, inbox, refund, refund_repo, repo};

/// Questions under way at once.
const AT_ONCE: usize = 8;

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
    /// Whether there may be more than the round's limit let it take.
    #[must_use]
    pub fn is_full(&self, limit: i64) -> bool {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        [self.notifications, self.payments, self.refunds].contains(&limit)
    }
}

/// Attends to up to `limit` of each: notifications, payments, refunds of these providers whose time has come. Any number of processes may do so at
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
    let names = providers.names();
    let due = inbox::due(pool, &names, limit).await?;
    round.notifications = due.len();
    round.hear(stream::iter(due).map(|id| inbox::attend(pool, providers, id, now)).buffer_unordered(AT_ONCE)).await?;
    let due = repo::due(pool, &names, limit).await?;
    round.payments = due.len();
    round.hear(stream::iter(due).map(|id| ask::advance(pool, providers, id, now)).buffer_unordered(AT_ONCE)).await?;
    let due = refund_repo::due(pool, &names, limit).await?;
    round.refunds = due.len();
    round.hear(stream::iter(due).map(|id| refund::advance(pool, providers, id, now)).buffer_unordered(AT_ONCE)).await?;
    Ok(round)
}

impl Round {
    /// To the last of them: what is under way is not broken off for another's trouble.
    async fn hear<T>(&mut self, answers: impl Stream<Item = Result<T, PaymentError>>) -> Result<(), PaymentError> {
        let mut answers = std::pin::pin!(answers);
        let mut heard = Ok(());
        while let Some(answer) = answers.next().await {
            heard = heard.and(self.count(answer));
        }
        heard
    }

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
