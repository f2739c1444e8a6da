//! The chain paid a period that was taken, or is being taken, from a saved method: that money goes back.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Round, fallback_repo};
use crate::{
    ids::{ChargeAttemptId, PaymentId, RefundId, TransferId},
    payments::{self, Intent, PaymentError, RefundPolicy, Status, refund},
};

/// Marks the payments of attempts that the chain settled or overtook, in the mirror's transaction; the time that they covered is not
/// theirs any more.
pub(in crate::charges) async fn undo(conn: &mut PgConnection, attempts: &[ChargeAttemptId]) -> sqlx::Result<()> {
    if attempts.is_empty() {
        return Ok(());
    }
    fallback_repo::mark_undo(conn, attempts).await
}

/// Lets a hold go, or asks for a refund; a payment that is not decided is waited for.
pub(super) async fn carry_out(pool: &PgPool, payment: PaymentId, round: &mut Round) -> Result<(), PaymentError> {
    let mut db_tx = pool.begin().await?;
    let Some(taken) = payments::lock_in_tx(&mut db_tx, payment).await? else { return Ok(()) };
    match taken.status {
        Status::Created | Status::Pending | Status::Authorized => {
            if taken.intent == Intent::Hold {
                payments::decide_in_tx(&mut db_tx, payment, Intent::Release).await?;
                db_tx.commit().await?;
            }
            return Ok(());
        }
        Status::Succeeded => {
            let reason = "the period was paid on the chain";
            refund::request_in_tx(&mut db_tx, refund_of(payment), payment, None, RefundPolicy::Goodwill, reason)
                .await?;
        }
        Status::Canceled => {}
    }
    fallback_repo::set_state(&mut db_tx, payment, "undone").await?;
    round.undone += 1;
    Ok(db_tx.commit().await?)
}

/// There is one refund of a payment for this cause.
fn refund_of(payment: PaymentId) -> RefundId {
    let id: Uuid = TransferId::named(&["paid on the chain", &payment.to_string()]).0;
    RefundId(id)
}
