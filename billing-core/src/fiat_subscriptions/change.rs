//! What a subscriber changes.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{FiatSubscription, FiatSubscriptionError, Status, repo, save};
use crate::{
    ids::{FiatSubscriptionId, PaymentMethodId},
    payments::{self, Intent},
};

/// Ends a subscription for its subscriber: what is paid for stays, nothing more is charged, and what is only held is given back. Money that
/// is being taken already pays its period. Ended before, or over, it is given as it is.
///
/// # Errors
/// `NotFound`; the database's.
pub async fn cancel(
    pool: &PgPool,
    id: FiatSubscriptionId,
    now: OffsetDateTime,
) -> Result<FiatSubscription, FiatSubscriptionError> {
    let mut db_tx = pool.begin().await?;
    let mut own = lock(&mut db_tx, id).await?;
    if own.status.is_over() || own.canceled_at.is_some() {
        return Ok(own);
    }
    own.canceled_at = Some(now);
    match own.open {
        // What becomes of it ends the subscription. On a provider's page it can be paid as long as that is there.
        Some(payment) => drop(payments::decide_in_tx(&mut db_tx, payment, Intent::Release).await?),
        None => own.wind_up(now),
    }
    save(&mut db_tx, &own, "canceled").await?;
    let saved = repo::find(&mut *db_tx, id).await?;
    db_tx.commit().await?;
    saved.ok_or(FiatSubscriptionError::NotFound(id))
}

/// Charges another method of its owner's with the same provider from now on, at once where a period is not paid.
///
/// # Errors
/// `NotFound`, `NotCharged`, `NoMethod`; the database's.
pub async fn set_method(
    pool: &PgPool,
    id: FiatSubscriptionId,
    method: PaymentMethodId,
    now: OffsetDateTime,
) -> Result<FiatSubscription, FiatSubscriptionError> {
    let mut db_tx = pool.begin().await?;
    let mut own = lock(&mut db_tx, id).await?;
    if !matches!(own.status, Status::Active | Status::PastDue) || own.canceled_at.is_some() {
        return Err(FiatSubscriptionError::NotCharged(id));
    }
    if !repo::can_charge(&mut db_tx, &own, method).await? {
        return Err(FiatSubscriptionError::NoMethod(method));
    }
    if own.method.replace(method) != Some(method) {
        own.attempts = 0;
    }
    if own.open.is_none() {
        own.look_at = own.paid_until.map(|until| until.max(now));
    }
    save(&mut db_tx, &own, "method_set").await?;
    let saved = repo::find(&mut *db_tx, id).await?;
    db_tx.commit().await?;
    saved.ok_or(FiatSubscriptionError::NotFound(id))
}

async fn lock(conn: &mut PgConnection, id: FiatSubscriptionId) -> Result<FiatSubscription, FiatSubscriptionError> {
    repo::lock(conn, id).await?.ok_or(FiatSubscriptionError::NotFound(id))
}
