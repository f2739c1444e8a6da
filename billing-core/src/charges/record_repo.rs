//! SQL of charges that a transaction carries.

use alloy::primitives::B256;
use sqlx::{PgConnection, PgExecutor, Row};
use time::OffsetDateTime;

use super::{Reason, due::Claimed, dunning::Verdict, repo::due_from_row};
use crate::{
    ids::{ChainId, ChainTxId, ChargeAttemptId},
    money::TokenAmount,
};

/// A charge and the transaction it was sent with.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) claimed: Claimed,
    /// Sent, and no receipt of it is recorded yet.
    pub(super) submitted: bool,
    /// What it cost is not recorded yet.
    pub(super) gas_unknown: bool,
}

/// What a receipt says of a charge that was paid.
#[derive(Clone, Debug)]
pub(super) struct Charged {
    pub(super) fee: TokenAmount,
    pub(super) period_start: OffsetDateTime,
    pub(super) period_end: OffsetDateTime,
    pub(super) tx_hash: B256,
    pub(super) block_number: i64,
    pub(super) gas: u64,
}

/// Charges that were sent with this transaction (or the one it replaces) and not with a later one, in the order of its
/// logs, which is also the order in which the mirror takes these rows' locks.
pub(super) async fn lock_carried(conn: &mut PgConnection, root: ChainTxId) -> sqlx::Result<Vec<Carried>> {
    let rows = sqlx::query(
        "select charge_attempt_id, plan_hash, subscriber, due_at as next_charge_at, amount as price,
                payment_token as token, attempts, status = 'submitted' as submitted, gas_spent is null as gas_unknown,
                billing_has_fallback(chain_id, plan_hash, subscriber) as has_fiat
         from billing_charge_attempt
         where chain_tx_id = $1
         order by due_at, plan_hash, subscriber
         for update",
    )
    .bind(root)
    .fetch_all(conn)
    .await?;
    let carried = rows.iter().map(|row| {
        Ok(Carried {
            claimed: Claimed { id: row.try_get("charge_attempt_id")?, due: due_from_row(row)? },
            submitted: row.try_get("submitted")?,
            gas_unknown: row.try_get("gas_unknown")?,
        })
    });
    carried.collect()
}

/// Paid, says a receipt. Where the mirror was there first, its word about the place stays.
pub(super) async fn settle(conn: &mut PgConnection, id: ChargeAttemptId, charged: &Charged) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
         set status = 'settled', reason = null, retry_at = null, lease_until = null, fee = $2, period_start = $3,
             period_end = $4, gas_spent = $5,
             tx_hash = case when confirmed_block is null then $6 else tx_hash end,
             mined_block = case when confirmed_block is null then $7 else mined_block end,
             updated_at = now()
         where charge_attempt_id = $1 and status in ('submitted', 'settled')",
    )
    .bind(id)
    .bind(charged.fee)
    .bind(charged.period_start)
    .bind(charged.period_end)
    .bind(charged.gas.cast_signed())
    .bind(charged.tx_hash.as_slice())
    .bind(charged.block_number)
    .execute(conn)
    .await?;
    Ok(())
}

/// Refused, says a receipt.
pub(super) async fn refuse_sent(
    conn: &mut PgConnection,
    id: ChargeAttemptId,
    reason: Reason,
    gas: u64,
    verdict: &Verdict,
) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
         set status = $2, reason = $3, retry_at = $4, attempts = attempts + $5, gas_spent = $6,
             handed_at = coalesce($7, handed_at), lease_until = null, updated_at = now()
         where charge_attempt_id = $1 and status = 'submitted'",
    )
    .bind(id)
    .bind(verdict.status)
    .bind(reason.number())
    .bind(verdict.retry_at)
    .bind(i32::from(verdict.counts))
    .bind(gas.cast_signed())
    .bind(verdict.handed_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Nothing of the transaction happened: its charges are due again, at once or at `retry_at`.
pub(super) async fn unsend(
    conn: impl PgExecutor<'_>,
    root: ChainTxId,
    retry_at: Option<OffsetDateTime>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt set status = 'pending', retry_at = $2, updated_at = now()
         where chain_tx_id = $1 and status = 'submitted'",
    )
    .bind(root)
    .bind(retry_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Charges whose block was orphaned, and whose transaction is on its way again.
pub(super) async fn resubmit(conn: impl PgExecutor<'_>, chain_id: ChainId) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt a
         set status = 'submitted', retry_at = null, lease_until = null, gas_spent = null, updated_at = now()
         where a.chain_id = $1 and a.status = 'pending'
           and a.chain_tx_id in (select coalesce(t.replaces, t.chain_tx_id) from chain_tx t
                                 where t.chain_id = $1 and t.status = 'pending')",
    )
    .bind(chain_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Transactions that are over while their charges still wait for what they said.
pub(super) async fn unrecorded(conn: impl PgExecutor<'_>, chain_id: ChainId) -> sqlx::Result<Vec<ChainTxId>> {
    sqlx::query_scalar(
        "select distinct a.chain_tx_id
         from billing_charge_attempt a
         where a.chain_id = $1 and a.status = 'submitted'
           and a.chain_tx_id not in (select coalesce(t.replaces, t.chain_tx_id) from chain_tx t
                                     where t.chain_id = $1 and t.status = 'pending')
         order by a.chain_tx_id",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await
}
