//! SQL of what the mirror knows about charges.

use sqlx::{PgConnection, PgExecutor, Row};
use time::OffsetDateTime;

use super::{
    ConfirmedCharge,
    due::{address, column, hash},
};
use crate::ids::{ChainId, ChargeAttemptId, SubscriptionKey};

/// An attempt that a charge of the stretch settles or overtakes.
pub(super) struct Attempt {
    pub(super) id: ChargeAttemptId,
    pub(super) key: SubscriptionKey,
    pub(super) due_at: OffsetDateTime,
    /// It is the fiat rail's, or was paid on it.
    pub(super) on_fiat: bool,
    /// Paid on it, up to then.
    pub(super) fiat_until: Option<OffsetDateTime>,
}

/// Whether the chain has an attempt that the mirror has not confirmed: without one, no charge can concern any.
pub(super) async fn any_unconfirmed(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from billing_charge_attempt
                        where chain_id = $1 and (status <> 'settled' or confirmed_block is null))",
    )
    .bind(chain_id)
    .fetch_one(conn)
    .await
}

/// Attempts at these charges, and open ones for an earlier time of the same subscriptions. Locks are taken in the order
/// in which a receipt's are.
pub(super) async fn lock_attempts(
    conn: &mut PgConnection,
    chain_id: ChainId,
    charges: &[ConfirmedCharge],
) -> sqlx::Result<Vec<Attempt>> {
    let rows = sqlx::query(
        "select charge_attempt_id, plan_hash, subscriber, due_at, status in ('fiat', 'paid_by_fiat') as on_fiat,
                case when status = 'paid_by_fiat' then period_end end as fiat_until
           from billing_charge_attempt
          where charge_attempt_id in (
                select a.charge_attempt_id
                  from unnest($2::bytea[], $3::bytea[], $4::timestamptz[], $5::timestamptz[])
                       as charge (plan_hash, subscriber, due_at, period_start)
                  join billing_charge_attempt a
                    on a.chain_id = $1 and a.plan_hash = charge.plan_hash and a.subscriber = charge.subscriber
                   and (a.due_at between charge.due_at and greatest(charge.due_at, charge.period_start)
                        or a.due_at < charge.due_at and a.status in ('pending', 'submitted', 'fiat')))
          order by due_at, plan_hash, subscriber
            for update",
    )
    .bind(chain_id)
    .bind(column(charges.iter().map(|charge| charge.key.plan_hash)))
    .bind(column(charges.iter().map(|charge| charge.key.subscriber)))
    .bind(charges.iter().map(|charge| charge.due_at).collect::<Vec<_>>())
    .bind(charges.iter().map(|charge| charge.period_start).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let attempts = rows.iter().map(|row| {
        let (plan_hash, subscriber) = (hash(row.try_get("plan_hash")?)?, address(row.try_get("subscriber")?)?);
        Ok(Attempt {
            id: row.try_get("charge_attempt_id")?,
            key: SubscriptionKey { chain_id, plan_hash, subscriber },
            due_at: row.try_get("due_at")?,
            on_fiat: row.try_get("on_fiat")?,
            fiat_until: row.try_get("fiat_until")?,
        })
    });
    attempts.collect()
}

/// Paid, says the canonical chain.
pub(super) async fn settle(conn: &mut PgConnection, paid: &[(ChargeAttemptId, &ConfirmedCharge)]) -> sqlx::Result<()> {
    if paid.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update billing_charge_attempt a
         set status = 'settled', reason = null, retry_at = null, lease_until = null, amount = paid.amount,
             payment_token = paid.token, fee = paid.fee, period_start = paid.period_start,
             period_end = paid.period_end, tx_hash = paid.tx_hash, mined_block = paid.block_number,
             confirmed_block = paid.block_number, confirmed_block_hash = paid.block_hash,
             confirmed_log_index = paid.log_index, updated_at = now()
         from unnest($1::uuid[], $2::numeric[], $3::bytea[], $4::numeric[], $5::timestamptz[], $6::timestamptz[],
                     $7::bytea[], $8::bigint[], $9::bytea[], $10::bigint[])
              as paid (id, amount, token, fee, period_start, period_end, tx_hash, block_number, block_hash, log_index)
         where a.charge_attempt_id = paid.id",
    )
    .bind(paid.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind(paid.iter().map(|(_, charge)| charge.gross).collect::<Vec<_>>())
    .bind(column(paid.iter().map(|(_, charge)| charge.token)))
    .bind(paid.iter().map(|(_, charge)| charge.fee).collect::<Vec<_>>())
    .bind(paid.iter().map(|(_, charge)| charge.period_start).collect::<Vec<_>>())
    .bind(paid.iter().map(|(_, charge)| charge.period_end).collect::<Vec<_>>())
    .bind(column(paid.iter().map(|(_, charge)| charge.tx_hash)))
    .bind(paid.iter().map(|(_, charge)| charge.block_number).collect::<Vec<_>>())
    .bind(column(paid.iter().map(|(_, charge)| charge.block_hash)))
    .bind(paid.iter().map(|(_, charge)| charge.log_index).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The schedule has moved past them; one that a receipt settled meanwhile stays settled.
pub(super) async fn cancel(conn: &mut PgConnection, overtaken: &[ChargeAttemptId]) -> sqlx::Result<()> {
    if overtaken.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update billing_charge_attempt set status = 'canceled', lease_until = null, updated_at = now()
         where charge_attempt_id = any($1) and status in ('pending', 'submitted', 'fiat')",
    )
    .bind(overtaken.iter().map(|id| id.0).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn reopen_above(conn: impl PgExecutor<'_>, chain_id: ChainId, block: i64) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
         set status = 'pending', fee = null, period_start = null, period_end = null, mined_block = null, gas_spent = null,
             confirmed_block = null, confirmed_block_hash = null, confirmed_log_index = null, updated_at = now()
         where chain_id = $1 and confirmed_block > $2",
    )
    .bind(chain_id)
    .bind(block)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn reopen_unconfirmed(conn: impl PgExecutor<'_>, chain_id: ChainId, up_to: i64) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
         set status = 'pending', fee = null, period_start = null, period_end = null, mined_block = null, gas_spent = null,
             updated_at = now()
         where chain_id = $1 and status = 'settled' and confirmed_block is null and mined_block <= $2",
    )
    .bind(chain_id)
    .bind(up_to)
    .execute(conn)
    .await?;
    Ok(())
}
