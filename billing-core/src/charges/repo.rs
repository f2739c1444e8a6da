//! All SQL of `billing_charge_attempt`. What is due is read across subscriptions, plans and open transactions.

use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    Reason, RunOptions,
    due::{Claimed, Due, address, column, hash},
    record::Charged,
};
use crate::{
    ids::{ChainId, ChainTxId, ChargeAttemptId},
    money::TokenAmount,
};

/// Due: active, paid time over, and no row for that time that is settled, sent, leased, or waits for a later try.
macro_rules! select_due {
    ($tail:literal) => {
        concat!(
            "select s.plan_hash, s.subscriber, s.next_charge_at, p.price, p.token, coalesce(a.attempts, 0) as attempts
             from billing_subscription_state s
             join billing_plan_state p on p.chain_id = s.chain_id and p.plan_hash = s.plan_hash
             left join billing_charge_attempt a on a.chain_id = s.chain_id and a.plan_hash = s.plan_hash
                  and a.subscriber = s.subscriber and a.due_at = s.next_charge_at
             where s.chain_id = $1 and s.status = 'active' and s.next_charge_at <= $2
               and (a.charge_attempt_id is null
                    or a.status = 'pending'
                       and (a.lease_until is null or a.lease_until <= now())
                       and (a.retry_at is null or a.retry_at <= $2)
                       and not exists (select from chain_tx t
                                       where t.chain_id = $1 and t.status = 'pending'
                                         and coalesce(t.replaces, t.chain_tx_id) = a.chain_tx_id))
             order by s.next_charge_at, s.plan_hash, s.subscriber
             limit $3",
            $tail
        )
    };
}

pub(super) async fn due(
    conn: impl PgExecutor<'_>,
    chain_id: ChainId,
    now: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    let rows = sqlx::query(select_due!("")).bind(chain_id).bind(now).bind(limit).fetch_all(conn).await?;
    rows.iter().map(due_from_row).collect()
}

pub(super) async fn lock_due(
    conn: &mut PgConnection,
    chain_id: ChainId,
    now: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    let query = sqlx::query(select_due!(" for update of s skip locked"));
    let rows = query.bind(chain_id).bind(now).bind(limit).fetch_all(conn).await?;
    rows.iter().map(due_from_row).collect()
}

fn due_from_row(row: &PgRow) -> sqlx::Result<Due> {
    Ok(Due {
        plan_hash: hash(row.try_get("plan_hash")?)?,
        subscriber: address(row.try_get("subscriber")?)?,
        due_at: row.try_get("next_charge_at")?,
        amount: row.try_get("price")?,
        token: address(row.try_get("token")?)?,
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
    })
}

/// One row per member; a member that another process leased since is left out. The order of `due` is kept.
pub(super) async fn lease(
    conn: &mut PgConnection,
    chain_id: ChainId,
    due: Vec<Due>,
    options: &RunOptions,
) -> sqlx::Result<Vec<Claimed>> {
    let ids: Vec<_> = due.iter().map(|_| ChargeAttemptId::new().0).collect();
    let rows = sqlx::query(
        "insert into billing_charge_attempt as a (charge_attempt_id, chain_id, plan_hash, subscriber, due_at, status,
                                                  attempts, amount, payment_token, worker_instance, lease_until)
         select n.id, $1, n.plan_hash, n.subscriber, n.due_at, 'pending', 1, n.amount, n.token, $8,
                now() + make_interval(secs => $9)
         from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::timestamptz[], $6::numeric[], $7::bytea[])
              as n (id, plan_hash, subscriber, due_at, amount, token)
         on conflict (chain_id, plan_hash, subscriber, due_at) do update
         set attempts = a.attempts + 1, amount = excluded.amount, worker_instance = excluded.worker_instance,
             lease_until = excluded.lease_until, updated_at = now()
         where a.status = 'pending' and (a.lease_until is null or a.lease_until <= now())
         returning charge_attempt_id, plan_hash, subscriber",
    )
    .bind(chain_id)
    .bind(ids)
    .bind(column(due.iter().map(|due| due.plan_hash)))
    .bind(column(due.iter().map(|due| due.subscriber)))
    .bind(due.iter().map(|due| due.due_at).collect::<Vec<_>>())
    .bind(due.iter().map(|due| due.amount).collect::<Vec<_>>())
    .bind(column(due.iter().map(|due| due.token)))
    .bind(&options.worker_instance)
    .bind(f64::from(options.lease_secs))
    .fetch_all(conn)
    .await?;
    let mut leased = std::collections::HashMap::new();
    for row in rows {
        let key = (hash(row.try_get("plan_hash")?)?, address(row.try_get("subscriber")?)?);
        leased.insert(key, row.try_get::<ChargeAttemptId, _>("charge_attempt_id")?);
    }
    let claimed = due.into_iter().filter_map(|due| {
        let id = *leased.get(&(due.plan_hash, due.subscriber))?;
        Some(Claimed { id, due })
    });
    Ok(claimed.collect())
}

/// Ties charges to the transaction that carries them, in the SQL transaction that stores it.
pub(super) async fn link(
    conn: &mut PgConnection,
    ids: &[ChargeAttemptId],
    tx: ChainTxId,
    tx_hash: &[u8],
) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
         set status = 'submitted', chain_tx_id = $2, tx_hash = $3, lease_until = null, reason = null, retry_at = null,
             updated_at = now()
         where charge_attempt_id = any($1)",
    )
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .bind(tx)
    .bind(tx_hash)
    .execute(conn)
    .await?;
    Ok(())
}

/// Charges that a transaction carries and that nobody recorded yet.
pub(super) async fn carried(conn: impl PgExecutor<'_>, tx: ChainTxId) -> sqlx::Result<Vec<Claimed>> {
    let rows = sqlx::query(
        "select charge_attempt_id, plan_hash, subscriber, due_at as next_charge_at, amount as price,
                payment_token as token, attempts - 1 as attempts
         from billing_charge_attempt
         where chain_tx_id = $1
         order by due_at, plan_hash, subscriber",
    )
    .bind(tx)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(Claimed { id: row.try_get("charge_attempt_id")?, due: due_from_row(row)? })).collect()
}

/// A refusal: the row's next state. `counts` is false when the attempt is not the subscriber's.
pub(super) async fn refuse(
    conn: &mut PgConnection,
    id: ChargeAttemptId,
    status: &str,
    reason: Option<Reason>,
    retry_at: Option<OffsetDateTime>,
    counts: bool,
) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
         set status = $2, reason = $3, retry_at = $4, attempts = attempts - $5, lease_until = null, updated_at = now()
         where charge_attempt_id = $1 and status in ('pending', 'submitted')",
    )
    .bind(id)
    .bind(status)
    .bind(reason.map(Reason::number))
    .bind(retry_at)
    .bind(i32::from(!counts))
    .execute(conn)
    .await?;
    Ok(())
}

/// What a receipt said. A row that the mirror confirmed first only learns the gas.
pub(super) async fn settle(conn: &mut PgConnection, id: ChargeAttemptId, charged: &Charged) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
         set status = 'settled', reason = null, retry_at = null, lease_until = null, fee = $2, period_start = $3,
             period_end = $4, mined_block = $5, updated_at = now()
         where charge_attempt_id = $1 and status in ('pending', 'submitted')",
    )
    .bind(id)
    .bind(charged.fee)
    .bind(charged.period_start)
    .bind(charged.period_end)
    .bind(charged.block_number)
    .execute(&mut *conn)
    .await?;
    sqlx::query("update billing_charge_attempt set gas_spent = $2, tx_hash = $3 where charge_attempt_id = $1")
        .bind(id)
        .bind(charged.gas.cast_signed())
        .bind(charged.tx_hash.as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

/// What was refused at last, for the outbox: key parts and amount.
pub(super) async fn amount(conn: &mut PgConnection, id: ChargeAttemptId) -> sqlx::Result<TokenAmount> {
    sqlx::query_scalar("select amount from billing_charge_attempt where charge_attempt_id = $1")
        .bind(id)
        .fetch_one(conn)
        .await
}
