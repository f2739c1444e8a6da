//! SQL of refunds.

use billing_fiat::Money;
use sqlx::{PgConnection, PgExecutor, Row as _, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    Payment, Refund, RefundStatus,
    payment::money,
    repo::{LEASE_SECS, stored},
};
use crate::{
    ids::{PaymentId, RefundId},
    ledger::Amount,
};

macro_rules! columns {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            " refund.refund_id, refund.payment_id, refund.amount_minor, refund.status, refund.credits, refund.reason,
              refund.external_id, refund.cancel_code, refund.foreign_made, refund.trouble, refund.sent_at, refund.looks,
              refund.created_at, payment.currency ",
            $tail
        )
    };
}

/// `told`: the provider's id of one that was not asked for here.
pub(super) async fn insert(
    conn: &mut PgConnection,
    id: RefundId,
    payment: &Payment,
    amount: Money,
    credits: Amount,
    reason: &str,
    told: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into refund (refund_id, payment_id, amount_minor, status, credits, reason, external_id, foreign_made, look_at)
         values ($1, $2, $3, 'created', $4, $5, $6, $6 is not null, now())",
    )
    .bind(id)
    .bind(payment.id)
    .bind(amount.minor())
    .bind(credits)
    .bind(reason)
    .bind(told)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn find(conn: impl PgExecutor<'_>, id: RefundId) -> sqlx::Result<Option<Refund>> {
    let row = sqlx::query(columns!("select", "from refund join payment using (payment_id) where refund_id = $1"))
        .bind(id)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(from_row).transpose()
}

pub(super) async fn of(conn: impl PgExecutor<'_>, payment: PaymentId) -> sqlx::Result<Vec<Refund>> {
    let rows = sqlx::query(columns!(
        "select",
        "from refund join payment using (payment_id) where refund.payment_id = $1 order by refund.created_at, refund_id"
    ))
    .bind(payment)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

pub(super) async fn payment_of(conn: impl PgExecutor<'_>, id: RefundId) -> sqlx::Result<Option<PaymentId>> {
    sqlx::query_scalar("select payment_id from refund where refund_id = $1").bind(id).fetch_optional(conn).await
}

pub(super) async fn by_external(
    conn: impl PgExecutor<'_>,
    payment: PaymentId,
    external: &str,
) -> sqlx::Result<Option<RefundId>> {
    sqlx::query_scalar("select refund_id from refund where payment_id = $1 and external_id = $2")
        .bind(payment)
        .bind(external)
        .fetch_optional(conn)
        .await
}

/// What is given back of a payment, or may be: refunds that did not come to nothing, disputes that were not won.
pub(super) async fn given_back(conn: impl PgExecutor<'_>, payment: PaymentId) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select (coalesce((select sum(amount_minor) from refund where payment_id = $1 and status <> 'canceled'), 0)
               + coalesce((select sum(amount_minor) from payment_dispute where payment_id = $1 and status <> 'won'), 0))::bigint",
    )
    .bind(payment)
    .fetch_one(conn)
    .await
}

pub(super) async fn due(conn: impl PgExecutor<'_>, providers: &[&str], limit: i64) -> sqlx::Result<Vec<RefundId>> {
    sqlx::query_scalar(
        "select refund_id from refund join payment using (payment_id)
         where refund.look_at <= now() and (refund.lease_until is null or refund.lease_until <= now())
           and payment.provider = any($1)
         order by refund.look_at limit $2",
    )
    .bind(providers)
    .bind(limit)
    .fetch_all(conn)
    .await
}

pub(super) async fn claim(conn: impl PgExecutor<'_>, id: RefundId) -> sqlx::Result<Option<Refund>> {
    let row = sqlx::query(columns!(
        "update refund set lease_until = now() + make_interval(secs => $2) from payment
         where payment.payment_id = refund.payment_id and refund.refund_id = $1 and refund.look_at is not null
           and (refund.lease_until is null or refund.lease_until <= now())
         returning",
        ""
    ))
    .bind(id)
    .bind(LEASE_SECS)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(from_row).transpose()
}

pub(super) async fn note_sent(conn: impl PgExecutor<'_>, id: RefundId, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("update refund set sent_at = coalesce(sent_at, $2) where refund_id = $1")
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn note_seen(
    conn: &mut PgConnection,
    id: RefundId,
    external_id: &str,
    look_secs: Option<f64>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update refund
            set external_id = $2, status = case when status = 'created' then 'pending' else status end,
                look_at = now() + make_interval(secs => $3), lease_until = null, looks = looks + 1, updated_at = now()
          where refund_id = $1",
    )
    .bind(id)
    .bind(external_id)
    .bind(look_secs)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn set_status(
    conn: &mut PgConnection,
    id: RefundId,
    status: RefundStatus,
    code: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update refund set status = $2, cancel_code = $3, look_at = null, lease_until = null, updated_at = now()
          where refund_id = $1",
    )
    .bind(id)
    .bind(status.as_str())
    .bind(code)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn set_trouble(conn: &mut PgConnection, id: RefundId, trouble: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update refund set trouble = $2, look_at = null, lease_until = null, updated_at = now() where refund_id = $1",
    )
    .bind(id)
    .bind(trouble)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn postpone(conn: impl PgExecutor<'_>, id: RefundId, secs: f64) -> sqlx::Result<()> {
    sqlx::query(
        "update refund set look_at = now() + make_interval(secs => $2), lease_until = null, looks = looks + 1
         where refund_id = $1 and look_at is not null",
    )
    .bind(id)
    .bind(secs)
    .execute(conn)
    .await?;
    Ok(())
}

fn from_row(row: &PgRow) -> sqlx::Result<Refund> {
    Ok(Refund {
        id: row.try_get("refund_id")?,
        payment: row.try_get("payment_id")?,
        amount: money(row.try_get("amount_minor")?, row.try_get("currency")?).ok_or_else(|| stored("refund"))?,
        status: RefundStatus::from_word(row.try_get("status")?).ok_or_else(|| stored("refund's status"))?,
        credits: row.try_get("credits")?,
        reason: row.try_get("reason")?,
        external_id: row.try_get("external_id")?,
        cancel_code: row.try_get("cancel_code")?,
        foreign_made: row.try_get("foreign_made")?,
        trouble: row.try_get("trouble")?,
        sent_at: row.try_get("sent_at")?,
        looks: row.try_get::<i32, _>("looks")?.unsigned_abs(),
        created_at: row.try_get("created_at")?,
    })
}
