//! A payment that was given up, and paid after all.

use sqlx::PgPool;

use super::{Round, repo};
use crate::{
    ids::{PaymentId, RefundId, TransferId},
    payments::{self, PaymentError, RefundPolicy, Status, refund},
};

/// Asks for a refund: what it was for was paid otherwise since, or ended.
pub(super) async fn give_back(pool: &PgPool, payment: PaymentId, round: &mut Round) -> Result<(), PaymentError> {
    let mut db_tx = pool.begin().await?;
    let Some(paid) = payments::lock_in_tx(&mut db_tx, payment).await? else { return Ok(()) };
    // Under the payment's lock: who was here before has marked it.
    if paid.status != Status::Succeeded || !repo::mark_refunded(&mut db_tx, payment).await? {
        return Ok(());
    }
    let id = RefundId(TransferId::named(&["paid too late", &payment.to_string()]).0);
    let reason = "the payment came after it was given up";
    match refund::request_in_tx(&mut db_tx, id, payment, None, RefundPolicy::Goodwill, reason).await {
        Ok(_) => round.refunded += 1,
        // Given back by somebody before.
        Err(PaymentError::NotRefundable { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(db_tx.commit().await?)
}
