//! SQL of claims: from what is due to a transaction or a refusal. What is due is read across subscriptions, plans and open transactions.

use alloy::primitives::B256;
use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    Reason, RunOptions,
    due::{Claimed, Due, address, column, hash},
    dunning::{Rails, Verdict},
};
use crate::ids::{ChainId, ChainTxId, ChargeAttemptId};

/// Due: active, not past the subscriber's own limits, paid time over on both rails, and no row for that time that is settled, sent, leased, or waits for a later try.
macro_rules! select_due {
    ($tail:literal) => {
        concat!(
            "select s.plan_hash, s.subscriber, greatest(s.next_charge_at, c.covered_until) as next_charge_at, p.price, p.token,
                    coalesce(a.attempts, 0) as attempts, billing_has_fallback(s.chain_id, s.plan_hash, s.subscriber) as has_fiat
             from billing_subscription_state s
             join billing_plan_state p on p.chain_id = s.chain_id and p.plan_hash = s.plan_hash
             left join billing_period_cover c on c.chain_id = s.chain_id and c.plan_hash = s.plan_hash
                  and c.subscriber = s.subscriber
             left join billing_charge_attempt a on a.chain_id = s.chain_id and a.plan_hash = s.plan_hash
                  and a.subscriber = s.subscriber and a.due_at = greatest(s.next_charge_at, c.covered_until)
             where s.chain_id = $1 and s.status = 'active' and s.next_charge_at <= $2
               and (c.covered_until is null or c.covered_until <= $2)
               and (s.ends_at is null or s.ends_at > $2)
               and (s.charge_limit is null or s.charge_count < s.charge_limit)
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

pub(super) fn due_from_row(row: &PgRow) -> sqlx::Result<Due> {
    Ok(Due {
        plan_hash: hash(row.try_get("plan_hash")?)?,
        subscriber: address(row.try_get("subscriber")?)?,
        due_at: row.try_get("next_charge_at")?,
        amount: row.try_get("price")?,
        token: address(row.try_get("token")?)?,
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        rails: Rails { fiat: row.try_get("has_fiat")? },
    })
}

/// One row per member; a member that another process leased, refused or sent since is left out. The order of `due` is
/// kept. Attempts are counted when they fail, not here: a claim that came to nothing is nobody's failure.
pub(super) async fn lease(
    conn: &mut PgConnection,
    chain_id: ChainId,
    now: OffsetDateTime,
    due: Vec<Due>,
    options: &RunOptions,
) -> sqlx::Result<Vec<Claimed>> {
    let ids: Vec<_> = due.iter().map(|_| ChargeAttemptId::new().0).collect();
    let rows = sqlx::query(
        "insert into billing_charge_attempt as a (charge_attempt_id, chain_id, plan_hash, subscriber, due_at, status,
                                                  attempts, amount, payment_token, worker_instance, lease_until)
         select n.id, $1, n.plan_hash, n.subscriber, n.due_at, 'pending', 0, n.amount, n.token, $8,
                now() + make_interval(secs => $9)
         from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::timestamptz[], $6::numeric[], $7::bytea[])
              as n (id, plan_hash, subscriber, due_at, amount, token)
         on conflict (chain_id, plan_hash, subscriber, due_at) do update
         set amount = excluded.amount, worker_instance = excluded.worker_instance, lease_until = excluded.lease_until,
             updated_at = now()
         where a.status = 'pending' and (a.lease_until is null or a.lease_until <= now())
           and (a.retry_at is null or a.retry_at <= $10)
         returning charge_attempt_id, plan_hash, subscriber, attempts",
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
    .bind(now)
    .fetch_all(conn)
    .await?;
    let mut leased = std::collections::HashMap::new();
    for row in rows {
        let key = (hash(row.try_get("plan_hash")?)?, address(row.try_get("subscriber")?)?);
        let attempts = row.try_get::<i32, _>("attempts")?.unsigned_abs();
        leased.insert(key, (row.try_get::<ChargeAttemptId, _>("charge_attempt_id")?, attempts));
    }
    let claimed = due.into_iter().filter_map(|due| {
        let (id, attempts) = *leased.get(&(due.plan_hash, due.subscriber))?;
        Some(Claimed { id, due: Due { attempts, ..due } })
    });
    Ok(claimed.collect())
}

/// Ties claimed charges to the transaction that carries them, in the SQL transaction that stores it. Gives how many were
/// still this worker's claims.
pub(super) async fn link(
    conn: &mut PgConnection,
    ids: &[ChargeAttemptId],
    worker_instance: &str,
    tx: ChainTxId,
    tx_hash: B256,
) -> sqlx::Result<u64> {
    let linked = sqlx::query(
        "update billing_charge_attempt
         set status = 'submitted', chain_tx_id = $3, tx_hash = $4, lease_until = null, reason = null, retry_at = null,
             gas_spent = null, updated_at = now()
         where charge_attempt_id = any($1) and status = 'pending' and worker_instance = $2",
    )
    .bind(uuids(ids))
    .bind(worker_instance)
    .bind(tx)
    .bind(tx_hash.as_slice())
    .execute(conn)
    .await?;
    Ok(linked.rows_affected())
}

/// Gives claims back that came to nothing.
pub(super) async fn release(
    conn: impl PgExecutor<'_>,
    ids: &[ChargeAttemptId],
    worker_instance: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt set lease_until = null, updated_at = now()
         where charge_attempt_id = any($1) and status = 'pending' and worker_instance = $2",
    )
    .bind(uuids(ids))
    .bind(worker_instance)
    .execute(conn)
    .await?;
    Ok(())
}

/// A claimed charge is refused without a transaction. False when the claim is not this worker's any more.
pub(super) async fn refuse_claimed(
    conn: &mut PgConnection,
    id: ChargeAttemptId,
    worker_instance: &str,
    reason: Reason,
    verdict: &Verdict,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update billing_charge_attempt
         set status = $3, reason = $4, retry_at = $5, attempts = attempts + $6, handed_at = coalesce($7, handed_at),
             lease_until = null, updated_at = now()
         where charge_attempt_id = $1 and status = 'pending' and worker_instance = $2",
    )
    .bind(id)
    .bind(worker_instance)
    .bind(verdict.status)
    .bind(reason.number())
    .bind(verdict.retry_at)
    .bind(i32::from(verdict.counts))
    .bind(verdict.handed_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn uuids(ids: &[ChargeAttemptId]) -> Vec<uuid::Uuid> {
    ids.iter().map(|id| id.0).collect()
}

/// Why the chain's mirror stands still; `None` when it does not.
pub(super) async fn halt_reason(conn: impl PgExecutor<'_>, chain_id: ChainId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select reason from chain_halt where chain_id = $1").bind(chain_id).fetch_optional(conn).await
}
