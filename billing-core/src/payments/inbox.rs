//! Notifications: kept as they came, answered at once, and believed only after the provider was asked.

use billing_fiat::{FiatProvider, ProviderError, Subject, WebhookError, WebhookRequest};
use sqlx::{PgExecutor, PgPool};
use time::OffsetDateTime;

use super::{PaymentError, Providers, dispute, inbox_repo, record::record, refund, repo};
use crate::ids::PaymentId;

/// Bytes of a notification at most.
pub const BODY_MAX: usize = 256 * 1024;
/// How often a notification is attended to in vain before the polling of open payments is left alone with it.
const ATTEMPTS_MAX: u32 = 12;

/// What became of a notification that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Kept.
    New,
    /// It was kept before.
    Known,
}

/// Keeps a notification that its sender is believed to have sent. Nothing else happens before the sender is answered.
///
/// # Errors
/// `Webhook`, and nothing was stored; the database's: then the sender must send it again.
pub async fn receive(
    conn: impl PgExecutor<'_>,
    provider: &dyn FiatProvider,
    request: &WebhookRequest<'_>,
) -> Result<Received, PaymentError> {
    if request.body.len() > BODY_MAX {
        return Err(WebhookError::Malformed(format!("more than {BODY_MAX} bytes")).into());
    }
    let notification = provider.notification(request)?;
    let is_new = inbox_repo::insert(conn, provider.name(), &notification, request.body).await?;
    Ok(if is_new { Received::New } else { Received::Known })
}

pub(super) async fn due(pool: &PgPool, providers: &[&str], limit: i64) -> Result<Vec<i64>, PaymentError> {
    Ok(inbox_repo::due(pool, providers, limit).await?)
}

/// Asks the provider about what a notification names, and records the answer. What the notification says itself counts for nothing.
pub(super) async fn attend(
    pool: &PgPool,
    providers: &Providers,
    id: i64,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    let Some(kept) = inbox_repo::claim(pool, id).await? else { return Ok(()) };
    let done = match providers.get(&kept.provider) {
        Ok(provider) => ask_about(pool, provider.as_ref(), id, &kept.subject, now).await,
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        inbox_repo::postpone(pool, id, ATTEMPTS_MAX, &error.to_string()).await?;
        return Err(error);
    }
    Ok(())
}

async fn ask_about(
    pool: &PgPool,
    provider: &dyn FiatProvider,
    id: i64,
    subject: &Subject,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    match subject {
        Subject::Payment(external) => about_payment(pool, provider, id, external, now).await,
        Subject::Refund(external) => {
            let Some(seen) = provider.refund_by_id(external).await? else { return gone(provider, "refund", external) };
            let mut db_tx = pool.begin().await?;
            let outcome = refund::record_told(&mut db_tx, provider.name(), &seen, now).await?;
            inbox_repo::finish(&mut db_tx, id, outcome).await?;
            Ok(db_tx.commit().await?)
        }
        Subject::Dispute(external) => {
            let Some(seen) = provider.dispute(external).await? else { return gone(provider, "dispute", external) };
            let mut db_tx = pool.begin().await?;
            let outcome = dispute::record(&mut db_tx, provider.name(), &seen, now).await?;
            inbox_repo::finish(&mut db_tx, id, outcome).await?;
            Ok(db_tx.commit().await?)
        }
        Subject::Nothing => Ok(inbox_repo::finish(&mut *pool.acquire().await?, id, "of no concern").await?),
    }
}

async fn about_payment(
    pool: &PgPool,
    provider: &dyn FiatProvider,
    id: i64,
    external: &str,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    let Some(seen) = provider.payment(external).await? else { return gone(provider, "payment", external) };
    let ours = match seen.reference {
        Some(reference) => Some(PaymentId(reference)),
        None => repo::by_external(pool, provider.name(), external).await?,
    };
    let mut db_tx = pool.begin().await?;
    let recorded = match ours {
        Some(payment) => record(&mut db_tx, payment, &seen, now).await?,
        None => None,
    };
    // A payment that is still open although it was told of is asked about again soon: the answer may have been an old one.
    if let Some(payment) = recorded.as_ref().filter(|payment| payment.status.is_open()) {
        repo::hurry(&mut *db_tx, payment.id).await?;
    }
    inbox_repo::finish(&mut db_tx, id, if recorded.is_some() { "recorded" } else { "not ours" }).await?;
    Ok(db_tx.commit().await?)
}

/// Told of, but not to be found: later, perhaps.
fn gone(provider: &dyn FiatProvider, what: &str, external: &str) -> Result<(), PaymentError> {
    let what = format!("{what} {external} was told of and is not there");
    Err(ProviderError::Unknown { provider: provider.name(), what, retry_after: None }.into())
}
