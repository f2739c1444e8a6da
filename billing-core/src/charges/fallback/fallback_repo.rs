//! SQL of the second rail.

use billing_fiat::{Buyer, Money};
use sqlx::{PgConnection, PgExecutor, Row as _, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    super::due::{address, hash},
    Fallback,
};
use crate::{
    ids::{ChargeAttemptId, PaymentId, PaymentMethodId, SubscriptionKey},
    period::Period,
};

/// An attempt that is the fiat rail's.
pub(super) struct Handed {
    pub(super) id: ChargeAttemptId,
    pub(super) key: SubscriptionKey,
    pub(super) due_at: OffsetDateTime,
    /// By chain time.
    pub(super) handed_at: OffsetDateTime,
    pub(super) period_secs: i64,
    /// Refusals of the chain that count.
    pub(super) attempts: u32,
    /// Payments so far.
    pub(super) payments: i64,
    /// The one under way.
    pub(super) open: Option<PaymentId>,
}

pub(super) async fn is_charged(conn: &mut PgConnection, key: &SubscriptionKey) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from billing_subscription_state
                         where chain_id = $1 and plan_hash = $2 and subscriber = $3 and status in ('active', 'paused'))",
    )
    .bind(key.chain_id)
    .bind(key.plan_hash.as_slice())
    .bind(key.subscriber.as_slice())
    .fetch_one(conn)
    .await
}

/// Whether the chain would charge it now, had its wallet the money.
pub(super) async fn is_active(conn: &mut PgConnection, key: &SubscriptionKey) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from billing_subscription_state
                         where chain_id = $1 and plan_hash = $2 and subscriber = $3 and status = 'active')",
    )
    .bind(key.chain_id)
    .bind(key.plan_hash.as_slice())
    .bind(key.subscriber.as_slice())
    .fetch_one(conn)
    .await
}

/// False when the method is not that owner's, or ended.
pub(super) async fn put(conn: &mut PgConnection, fallback: &Fallback) -> sqlx::Result<bool> {
    let receipt = fallback.receipt.as_ref().map(serde_json::to_value).transpose();
    let done = sqlx::query(
        "insert into billing_fallback (chain_id, plan_hash, subscriber, owner, payment_method_id, provider, amount_minor, currency,
                                       description, email, phone, receipt)
         select $1, $2, $3, $4, payment_method_id, provider, $6, $7, $8, $9, $10, $11
           from payment_method where payment_method_id = $5 and owner = $4 and ended_at is null
         on conflict (chain_id, plan_hash, subscriber) do update
         set owner = excluded.owner, payment_method_id = excluded.payment_method_id, provider = excluded.provider,
             amount_minor = excluded.amount_minor, currency = excluded.currency, description = excluded.description,
             email = excluded.email, phone = excluded.phone, receipt = excluded.receipt, created_at = now(), ended_at = null",
    )
    .bind(fallback.key.chain_id)
    .bind(fallback.key.plan_hash.as_slice())
    .bind(fallback.key.subscriber.as_slice())
    .bind(&fallback.owner)
    .bind(fallback.method)
    .bind(fallback.price.minor())
    .bind(fallback.price.currency().code())
    .bind(&fallback.description)
    .bind(&fallback.buyer.email)
    .bind(&fallback.buyer.phone)
    .bind(receipt.map_err(|error| sqlx::Error::Encode(error.into()))?)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn end(conn: &mut PgConnection, key: &SubscriptionKey, now: OffsetDateTime) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update billing_fallback set ended_at = $4
          where chain_id = $1 and plan_hash = $2 and subscriber = $3 and ended_at is null",
    )
    .bind(key.chain_id)
    .bind(key.plan_hash.as_slice())
    .bind(key.subscriber.as_slice())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn find(conn: &mut PgConnection, key: &SubscriptionKey) -> sqlx::Result<Option<Fallback>> {
    let row = sqlx::query(
        "select owner, payment_method_id, amount_minor, currency, description, email, phone, receipt from billing_fallback
          where chain_id = $1 and plan_hash = $2 and subscriber = $3 and ended_at is null",
    )
    .bind(key.chain_id)
    .bind(key.plan_hash.as_slice())
    .bind(key.subscriber.as_slice())
    .fetch_optional(conn)
    .await?;
    row.map(|row| fallback_from_row(&row, *key)).transpose()
}

fn fallback_from_row(row: &PgRow, key: SubscriptionKey) -> sqlx::Result<Fallback> {
    let wrong = || sqlx::Error::Decode("a fallback's price is not what is written there".into());
    let currency = row.try_get::<&str, _>("currency")?.parse().map_err(|_| wrong())?;
    let receipt: Option<serde_json::Value> = row.try_get("receipt")?;
    Ok(Fallback {
        key,
        owner: row.try_get("owner")?,
        method: row.try_get("payment_method_id")?,
        price: Money::new(row.try_get("amount_minor")?, currency).map_err(|_| wrong())?,
        description: row.try_get("description")?,
        buyer: Buyer { email: row.try_get("email")?, phone: row.try_get("phone")? },
        receipt: receipt.map(serde_json::from_value).transpose().map_err(|error| sqlx::Error::Decode(error.into()))?,
    })
}

pub(super) async fn provider_of(conn: &mut PgConnection, method: PaymentMethodId) -> sqlx::Result<String> {
    sqlx::query_scalar("select provider from payment_method where payment_method_id = $1")
        .bind(method)
        .fetch_one(conn)
        .await
}

/// Attempts without a payment under way, of those that these providers are paid through or nobody is any more.
pub(super) async fn handed_over(
    conn: impl PgExecutor<'_>,
    providers: &[&str],
    limit: i64,
) -> sqlx::Result<Vec<ChargeAttemptId>> {
    sqlx::query_scalar(
        "select charge_attempt_id from billing_charge_attempt a
          where status = 'fiat'
            and not exists (select from billing_fallback_payment p
                             where p.charge_attempt_id = a.charge_attempt_id and p.state in ('open', 'paid'))
            and not exists (select from billing_fallback f
                             where f.chain_id = a.chain_id and f.plan_hash = a.plan_hash and f.subscriber = a.subscriber
                               and f.ended_at is null and f.provider <> all($1))
          order by charge_attempt_id limit $2",
    )
    .bind(providers)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Payments in a state that wait for nobody but us: those that wait for their provider must not keep them back.
pub(super) async fn in_state(
    conn: impl PgExecutor<'_>,
    state: &str,
    providers: &[&str],
    limit: i64,
) -> sqlx::Result<Vec<PaymentId>> {
    sqlx::query_scalar(
        "select payment_id from billing_fallback_payment f join payment p using (payment_id)
          where f.state = $1 and p.provider = any($2)
            and (p.status in ('succeeded', 'canceled') or (p.intent = 'hold' and (p.status = 'authorized' or $1 = 'undo')))
          order by f.updated_at limit $3",
    )
    .bind(state)
    .bind(providers)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Payments that were given up and paid after all: for nothing, so that their money is to go back too.
pub(super) async fn mark_paid_too_late(conn: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_fallback_payment set state = 'undo', updated_at = now()
          where payment_id in (
                select f.payment_id from billing_fallback_payment f join payment p using (payment_id)
                 where f.state in ('declined', 'undone') and p.status = 'succeeded'
                   and not exists (select from refund r where r.payment_id = f.payment_id)
                 limit $1)",
    )
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn attempt_of(conn: &mut PgConnection, payment: PaymentId) -> sqlx::Result<Option<ChargeAttemptId>> {
    sqlx::query_scalar("select charge_attempt_id from billing_fallback_payment where payment_id = $1")
        .bind(payment)
        .fetch_optional(conn)
        .await
}

/// Locks an attempt; `None` when it is not the fiat rail's. What its payments are is read after the lock.
pub(super) async fn lock(conn: &mut PgConnection, id: ChargeAttemptId) -> sqlx::Result<Option<Handed>> {
    let locked = sqlx::query(
        "select charge_attempt_id from billing_charge_attempt where charge_attempt_id = $1 and status = 'fiat' for update",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    if locked.is_none() {
        return Ok(None);
    }
    let row = sqlx::query(
        "select a.chain_id, a.plan_hash, a.subscriber, a.due_at, a.handed_at, a.attempts, plan.period_secs,
                (select count(*) from billing_fallback_payment p where p.charge_attempt_id = a.charge_attempt_id) as payments,
                (select payment_id from billing_fallback_payment p
                  where p.charge_attempt_id = a.charge_attempt_id and p.state = 'open') as open
           from billing_charge_attempt a
           join billing_plan_state plan on plan.chain_id = a.chain_id and plan.plan_hash = a.plan_hash
          where a.charge_attempt_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    let handed = |row: PgRow| {
        let (plan_hash, subscriber) = (hash(row.try_get("plan_hash")?)?, address(row.try_get("subscriber")?)?);
        Ok(Handed {
            id,
            key: SubscriptionKey { chain_id: row.try_get("chain_id")?, plan_hash, subscriber },
            due_at: row.try_get("due_at")?,
            handed_at: row.try_get("handed_at")?,
            period_secs: row.try_get("period_secs")?,
            attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
            payments: row.try_get("payments")?,
            open: row.try_get("open")?,
        })
    };
    row.map(handed).transpose()
}

pub(super) async fn insert(conn: &mut PgConnection, payment: PaymentId, attempt: ChargeAttemptId) -> sqlx::Result<()> {
    sqlx::query("insert into billing_fallback_payment (payment_id, charge_attempt_id, state) values ($1, $2, 'open')")
        .bind(payment)
        .bind(attempt)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn set_state(conn: &mut PgConnection, payment: PaymentId, state: &str) -> sqlx::Result<()> {
    sqlx::query("update billing_fallback_payment set state = $2, updated_at = now() where payment_id = $1")
        .bind(payment)
        .bind(state)
        .execute(conn)
        .await?;
    Ok(())
}

/// Paid: nothing is charged for this subscription before the period is over.
pub(super) async fn settle(conn: &mut PgConnection, handed: &Handed, period: &Period) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt
            set status = 'paid_by_fiat', reason = null, retry_at = null, period_start = $2, period_end = $3, updated_at = now()
          where charge_attempt_id = $1",
    )
    .bind(handed.id)
    .bind(period.start)
    .bind(period.end)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into billing_period_cover as cover (chain_id, plan_hash, subscriber, covered_until) values ($1, $2, $3, $4)
         on conflict (chain_id, plan_hash, subscriber) do update
         set covered_until = greatest(cover.covered_until, excluded.covered_until)",
    )
    .bind(handed.key.chain_id)
    .bind(handed.key.plan_hash.as_slice())
    .bind(handed.key.subscriber.as_slice())
    .bind(period.end)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn hand_back(
    conn: &mut PgConnection,
    id: ChargeAttemptId,
    status: &str,
    retry_at: Option<OffsetDateTime>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update billing_charge_attempt set status = $2, retry_at = $3, updated_at = now()
          where charge_attempt_id = $1 and status = 'fiat'",
    )
    .bind(id)
    .bind(status)
    .bind(retry_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// What they paid for is the chain's: it covers no time, and its money is to go back.
pub(super) async fn mark_undo(conn: &mut PgConnection, attempts: &[ChargeAttemptId]) -> sqlx::Result<()> {
    let ids: Vec<_> = attempts.iter().map(|id| id.0).collect();
    sqlx::query(
        "update billing_fallback_payment set state = 'undo', updated_at = now()
          where charge_attempt_id = any($1) and state in ('open', 'paid')",
    )
    .bind(&ids)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update billing_period_cover cover set covered_until = least(cover.covered_until, a.due_at)
           from billing_charge_attempt a
          where a.charge_attempt_id = any($1) and cover.chain_id = a.chain_id and cover.plan_hash = a.plan_hash
            and cover.subscriber = a.subscriber",
    )
    .bind(&ids)
    .execute(conn)
    .await?;
    Ok(())
}
