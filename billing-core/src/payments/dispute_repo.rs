//! SQL of disputes.

use billing_fiat::{Dispute, DisputeStatus};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::repo::stored;
use crate::{ids::PaymentId, ledger::Amount};

/// A dispute as we have it.
pub(super) struct Stored {
    pub(super) id: Uuid,
    pub(super) amount_minor: i64,
    pub(super) status: DisputeStatus,
    /// Taken back for it.
    pub(super) credits: Amount,
}

pub(super) const fn word(status: DisputeStatus) -> &'static str {
    match status {
        DisputeStatus::Open => "open",
        DisputeStatus::Won => "won",
        DisputeStatus::Lost => "lost",
    }
}

/// Of a payment that is locked.
pub(super) async fn find(conn: &mut PgConnection, payment: PaymentId, external: &str) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query(
        "select payment_dispute_id, amount_minor, status, credits from payment_dispute
         where payment_id = $1 and external_id = $2",
    )
    .bind(payment)
    .bind(external)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(from_row).transpose()
}

/// A new one is open, whatever became of it since.
pub(super) async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    payment: PaymentId,
    seen: &Dispute,
    credits: Amount,
) -> sqlx::Result<Stored> {
    let row = sqlx::query(
        "insert into payment_dispute (payment_dispute_id, payment_id, external_id, amount_minor, fee_minor, status, reason, credits)
         values ($1, $2, $3, $4, $5, 'open', $6, $7)
         returning payment_dispute_id, amount_minor, status, credits",
    )
    .bind(id)
    .bind(payment)
    .bind(&seen.external_id)
    .bind(seen.amount.minor())
    .bind(seen.fee_minor)
    .bind(&seen.reason)
    .bind(credits)
    .fetch_one(conn)
    .await?;
    from_row(&row)
}

pub(super) async fn set_status(conn: &mut PgConnection, id: Uuid, status: DisputeStatus) -> sqlx::Result<()> {
    sqlx::query("update payment_dispute set status = $2, updated_at = now() where payment_dispute_id = $1")
        .bind(id)
        .bind(word(status))
        .execute(conn)
        .await?;
    Ok(())
}

fn from_row(row: &PgRow) -> sqlx::Result<Stored> {
    let text: &str = row.try_get("status")?;
    let status =
        [DisputeStatus::Open, DisputeStatus::Won, DisputeStatus::Lost].into_iter().find(|own| word(*own) == text);
    Ok(Stored {
        id: row.try_get("payment_dispute_id")?,
        amount_minor: row.try_get("amount_minor")?,
        status: status.ok_or_else(|| stored("dispute"))?,
        credits: row.try_get("credits")?,
    })
}
