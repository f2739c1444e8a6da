//! SQL of what the mirror knows about charges.

use sqlx::{PgConnection, PgExecutor};

use super::ConfirmedCharge;
use crate::ids::{ChainId, ChargeAttemptId, SubscriptionKey};

pub(super) async fn confirm(conn: &mut PgConnection, charge: &ConfirmedCharge) -> sqlx::Result<()> {
    sqlx::query(
        "insert into billing_charge_attempt (charge_attempt_id, chain_id, plan_hash, subscriber, due_at, status, attempts,
                                             amount, payment_token, fee, period_start, period_end, tx_hash, mined_block,
                                             confirmed_block, confirmed_block_hash, confirmed_log_index)
         values ($1, $2, $3, $4, $5, 'settled', 0, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)
         on conflict (chain_id, plan_hash, subscriber, due_at) do update
         set status = 'settled', reason = null, retry_at = null, lease_until = null, amount = excluded.amount,
             payment_token = excluded.payment_token,
             fee = excluded.fee, period_start = excluded.period_start, period_end = excluded.period_end,
             tx_hash = excluded.tx_hash, mined_block = excluded.mined_block, confirmed_block = excluded.confirmed_block,
             confirmed_block_hash = excluded.confirmed_block_hash, confirmed_log_index = excluded.confirmed_log_index,
             updated_at = now()",
    )
    .bind(ChargeAttemptId::new())
    .bind(charge.key.chain_id)
    .bind(charge.key.plan_hash.as_slice())
    .bind(charge.key.subscriber.as_slice())
    .bind(charge.due_at)
    .bind(charge.gross)
    .bind(charge.token.as_slice())
    .bind(charge.fee)
    .bind(charge.period_start)
    .bind(charge.period_end)
    .bind(charge.tx_hash.as_slice())
    .bind(charge.block_number)
    .bind(charge.block_hash.as_slice())
    .bind(charge.log_index)
    .execute(conn)
    .await?;
    Ok(())
}

/// Open rows for an earlier due time: the schedule has moved past them.
pub(super) async fn cancel_before(
    conn: &mut PgConnection,
    key: &SubscriptionKey,
    due_at: time::OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt set status = 'canceled', lease_until = null, updated_at = now()
         where chain_id = $1 and plan_hash = $2 and subscriber = $3 and due_at < $4 and status in ('pending', 'submitted')",
    )
    .bind(key.chain_id)
    .bind(key.plan_hash.as_slice())
    .bind(key.subscriber.as_slice())
    .bind(due_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Rows that only the chain made: no attempt of ours led to them.
pub(super) async fn delete_above(conn: &mut PgConnection, chain_id: ChainId, block: i64) -> sqlx::Result<()> {
    sqlx::query(
        "delete from billing_charge_attempt
         where chain_id = $1 and confirmed_block > $2 and attempts = 0 and chain_tx_id is null",
    )
    .bind(chain_id)
    .bind(block)
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
