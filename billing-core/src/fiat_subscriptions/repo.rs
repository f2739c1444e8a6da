//! SQL of subscriptions that are paid in fiat money.

use alloy::primitives::B256;
use billing_fiat::{Buyer, Money};
use sqlx::{PgConnection, PgExecutor, Row as _, postgres::PgRow};
use time::OffsetDateTime;

use super::{FiatSubscription, NewFiatSubscription, Started, Status};
use crate::{
    ids::{FiatSubscriptionId, PaymentId, PaymentMethodId},
    payments::Asked,
    period::Period,
};

fn select(rest: &str) -> String {
    format!(
        "select fiat_subscription_id, owner, plan_hash, provider, payment_method_id, amount_minor, currency, period_secs, description,
                email, phone, receipt, status, started_at, paid_until, attempts, look_at, canceled_at, created_at,
                (select count(*) from fiat_subscription_payment p
                  where p.fiat_subscription_id = s.fiat_subscription_id and p.state = 'paid') as periods_paid,
                (select payment_id from fiat_subscription_payment p
                  where p.fiat_subscription_id = s.fiat_subscription_id and p.state = 'open') as open
           from fiat_subscription s {rest}"
    )
}

/// Writes it, unless the key was used before; true when it is new.
pub(super) async fn insert(
    conn: &mut PgConnection,
    id: FiatSubscriptionId,
    new: &NewFiatSubscription,
    digest: &[u8; 32],
    price: Money,
    period_secs: i64,
) -> sqlx::Result<bool> {
    let receipt = new.receipt.as_ref().map(serde_json::to_value).transpose();
    let inserted = sqlx::query(
        "insert into fiat_subscription (fiat_subscription_id, owner, plan_hash, provider, amount_minor, currency, period_secs,
                                        description, email, phone, receipt, status, asked_by, asked_key, asked_digest)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'incomplete', $12, $13, $14)
         on conflict (asked_by, asked_key) do nothing",
    )
    .bind(id)
    .bind(&new.owner)
    .bind(new.plan_hash.as_slice())
    .bind(&new.provider)
    .bind(price.minor())
    .bind(price.currency().code())
    .bind(period_secs)
    .bind(&new.description)
    .bind(&new.buyer.email)
    .bind(&new.buyer.phone)
    .bind(receipt.map_err(|error| sqlx::Error::Encode(error.into()))?)
    .bind(&new.asked.by)
    .bind(&new.asked.key)
    .bind(digest.as_slice())
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// What was started with a key, and the digest of what was asked for.
pub(super) async fn asked(conn: &mut PgConnection, asked: &Asked) -> sqlx::Result<Option<(Started, Vec<u8>)>> {
    let row = sqlx::query(
        "select fiat_subscription_id, payment_id, asked_digest
           from fiat_subscription join fiat_subscription_payment using (fiat_subscription_id)
          where asked_by = $1 and asked_key = $2 and number = 0",
    )
    .bind(&asked.by)
    .bind(&asked.key)
    .fetch_optional(conn)
    .await?;
    let started = |row: &PgRow| {
        let started = Started { id: row.try_get("fiat_subscription_id")?, payment: row.try_get("payment_id")? };
        Ok((started, row.try_get("asked_digest")?))
    };
    row.as_ref().map(started).transpose()
}

pub(super) async fn find(conn: impl PgExecutor<'_>, id: FiatSubscriptionId) -> sqlx::Result<Option<FiatSubscription>> {
    let text = select("where fiat_subscription_id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(conn).await?;
    row.as_ref().map(from_row).transpose()
}

/// Of an owner, the latest first; before `before`.
pub(super) async fn page(
    conn: impl PgExecutor<'_>,
    owner: &str,
    before: Option<FiatSubscriptionId>,
    limit: i64,
) -> sqlx::Result<Vec<FiatSubscription>> {
    let text = select(
        "where owner = $1 and ($2::uuid is null or fiat_subscription_id < $2) order by fiat_subscription_id desc limit $3",
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(owner).bind(before).bind(limit).fetch_all(conn).await?;
    rows.iter().map(from_row).collect()
}

/// Locks it. What its payments are is read after the lock.
pub(super) async fn lock(conn: &mut PgConnection, id: FiatSubscriptionId) -> sqlx::Result<Option<FiatSubscription>> {
    sqlx::query("select from fiat_subscription where fiat_subscription_id = $1 for update")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    find(conn, id).await
}

/// As [`lock`]; `None` when somebody else has it.
pub(super) async fn lock_free(
    conn: &mut PgConnection,
    id: FiatSubscriptionId,
) -> sqlx::Result<Option<FiatSubscription>> {
    let locked = sqlx::query("select from fiat_subscription where fiat_subscription_id = $1 for update skip locked")
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
    if locked.is_none() {
        return Ok(None);
    }
    find(conn, id).await
}

/// Writes what changes in a subscription.
pub(super) async fn save(conn: &mut PgConnection, own: &FiatSubscription) -> sqlx::Result<()> {
    sqlx::query(
        "update fiat_subscription
            set payment_method_id = $2, status = $3, started_at = $4, paid_until = $5, attempts = $6, look_at = $7, canceled_at = $8,
                updated_at = now()
          where fiat_subscription_id = $1",
    )
    .bind(own.id)
    .bind(own.method)
    .bind(own.status.as_str())
    .bind(own.started_at)
    .bind(own.paid_until)
    .bind(i32::try_from(own.attempts).unwrap_or(i32::MAX))
    .bind(own.look_at)
    .bind(own.canceled_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Those whose payment waits for nobody but us.
pub(super) async fn decided(
    conn: impl PgExecutor<'_>,
    providers: &[&str],
    limit: i64,
) -> sqlx::Result<Vec<FiatSubscriptionId>> {
    sqlx::query_scalar(
        "select o.fiat_subscription_id
           from fiat_subscription_payment o join payment p using (payment_id)
          where o.state = 'open' and p.provider = any($1)
            and (p.status in ('succeeded', 'canceled') or (p.status = 'authorized' and p.intent = 'hold' and p.trouble is null))
          order by p.updated_at limit $2",
    )
    .bind(providers)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Those whose time has come, the most overdue first.
pub(super) async fn due(
    conn: impl PgExecutor<'_>,
    providers: &[&str],
    now: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<Vec<FiatSubscriptionId>> {
    sqlx::query_scalar(
        "select fiat_subscription_id from fiat_subscription
          where look_at <= $2 and provider = any($1) order by look_at limit $3",
    )
    .bind(providers)
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Payments that were given up and paid after all. No provider changes its mind after a month.
pub(super) async fn paid_too_late(
    conn: impl PgExecutor<'_>,
    providers: &[&str],
    limit: i64,
) -> sqlx::Result<Vec<PaymentId>> {
    sqlx::query_scalar(
        "select payment_id from fiat_subscription_payment d join payment p using (payment_id)
          where d.state = 'declined' and d.updated_at > now() - interval '30 days'
            and p.status = 'succeeded' and p.provider = any($1)
          limit $2",
    )
    .bind(providers)
    .bind(limit)
    .fetch_all(conn)
    .await
}

pub(super) async fn payments_so_far(conn: &mut PgConnection, id: FiatSubscriptionId) -> sqlx::Result<i32> {
    sqlx::query_scalar("select count(*)::integer from fiat_subscription_payment where fiat_subscription_id = $1")
        .bind(id)
        .fetch_one(conn)
        .await
}

pub(super) async fn add_payment(
    conn: &mut PgConnection,
    id: FiatSubscriptionId,
    number: i32,
    payment: PaymentId,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into fiat_subscription_payment (payment_id, fiat_subscription_id, number, state) values ($1, $2, $3, 'open')",
    )
    .bind(payment)
    .bind(id)
    .bind(number)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn pay_period(conn: &mut PgConnection, payment: PaymentId, period: &Period) -> sqlx::Result<()> {
    sqlx::query(
        "update fiat_subscription_payment set state = 'paid', period_start = $2, period_end = $3, updated_at = now()
          where payment_id = $1",
    )
    .bind(payment)
    .bind(period.start)
    .bind(period.end)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn decline_payment(conn: &mut PgConnection, payment: PaymentId) -> sqlx::Result<()> {
    sqlx::query("update fiat_subscription_payment set state = 'declined', updated_at = now() where payment_id = $1")
        .bind(payment)
        .execute(conn)
        .await?;
    Ok(())
}

/// False when it was before.
pub(super) async fn mark_refunded(conn: &mut PgConnection, payment: PaymentId) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update fiat_subscription_payment set state = 'refunded', updated_at = now()
          where payment_id = $1 and state = 'declined'",
    )
    .bind(payment)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a method is its owner's, its provider's, and not ended.
pub(super) async fn can_charge(
    conn: &mut PgConnection,
    own: &FiatSubscription,
    method: PaymentMethodId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select from payment_method
                         where payment_method_id = $1 and owner = $2 and provider = $3 and ended_at is null)",
    )
    .bind(method)
    .bind(&own.owner)
    .bind(&own.provider)
    .fetch_one(conn)
    .await
}

fn from_row(row: &PgRow) -> sqlx::Result<FiatSubscription> {
    let stored =
        |column: &str| sqlx::Error::Decode(format!("a subscription's {column} is not what is written there").into());
    let currency = row.try_get::<&str, _>("currency")?.parse().map_err(|_| stored("currency"))?;
    let receipt: Option<serde_json::Value> = row.try_get("receipt")?;
    Ok(FiatSubscription {
        id: row.try_get("fiat_subscription_id")?,
        owner: row.try_get("owner")?,
        plan_hash: B256::try_from(row.try_get::<&[u8], _>("plan_hash")?).map_err(|_| stored("plan_hash"))?,
        provider: row.try_get("provider")?,
        method: row.try_get("payment_method_id")?,
        price: Money::new(row.try_get("amount_minor")?, currency).map_err(|_| stored("amount_minor"))?,
        period_secs: row.try_get("period_secs")?,
        description: row.try_get("description")?,
        buyer: Buyer { email: row.try_get("email")?, phone: row.try_get("phone")? },
        receipt: receipt.map(serde_json::from_value).transpose().map_err(|_| stored("receipt"))?,
        status: Status::from_word(row.try_get("status")?).ok_or_else(|| stored("status"))?,
        started_at: row.try_get("started_at")?,
        paid_until: row.try_get("paid_until")?,
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        look_at: row.try_get("look_at")?,
        canceled_at: row.try_get("canceled_at")?,
        periods_paid: row.try_get("periods_paid")?,
        open: row.try_get("open")?,
        created_at: row.try_get("created_at")?,
    })
}
