//! SQL of payments and saved methods.

use billing_fiat::{Buyer, Payment as Seen, SavedMethod};
use sqlx::{PgConnection, PgExecutor, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Bought, Intent, Order, Payment, PaymentMethod, Pays, Purpose, Status,
    payment::{canceled, money, receipt_from_word, receipt_word},
};
use crate::ids::{PaymentId, PaymentMethodId};

/// Seconds for which one worker has a payment, a refund or a notification to itself: longer than any answer may take.
pub(super) const LEASE_SECS: f64 = 60.0;

const COLUMNS: &str = "payment_id, provider, owner, purpose, amount_minor, currency, status, credit_pack_id, asset, credits,
    expires_days, payment_method_id, save_method, kept_method_id, return_url, description, email, phone, receipt, intent, external_id,
    charge_id, action_url, cancel_reason, cancel_code, fee_minor, receipt_status, test, trouble, sent_at, looks, created_at, succeeded_at";

pub(super) fn select(rest: &str) -> String {
    format!("select {COLUMNS} from payment {rest}")
}

/// Writes it, unless the key was used before; true when it is new.
pub(super) async fn insert(
    conn: impl PgExecutor<'_>,
    id: PaymentId,
    order: &Order,
    digest: &[u8; 32],
) -> sqlx::Result<bool> {
    let bought = match &order.purpose {
        Purpose::TopUp(bought) => Some(bought),
        Purpose::Period => None,
    };
    let (method, save_method, return_url, intent) = match &order.pays {
        Pays::OnPage { return_url, save_method } => (None, *save_method, Some(return_url), Intent::Capture),
        Pays::HeldOnSaved(method) => (Some(*method), false, None, Intent::Hold),
    };
    let receipt = order.receipt.as_ref().map(serde_json::to_value).transpose();
    let inserted = sqlx::query(
        "insert into payment (payment_id, provider, owner, purpose, amount_minor, currency, status, credit_pack_id, asset, credits,
                              expires_days, payment_method_id, save_method, return_url, description, email, phone, receipt, intent,
                              asked_by, asked_key, asked_digest, look_at)
         values ($1, $2, $3, $4, $5, $6, 'created', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, now())
         on conflict (asked_by, asked_key) do nothing",
    )
    .bind(id)
    .bind(&order.provider)
    .bind(&order.owner)
    .bind(if bought.is_some() { "topup" } else { "period" })
    .bind(order.amount.minor())
    .bind(order.amount.currency().code())
    .bind(bought.map(|bought| &bought.pack))
    .bind(bought.map(|bought| &bought.asset))
    .bind(bought.map(|bought| bought.credits))
    .bind(bought.and_then(|bought| bought.expires_days).map(i32::from))
    .bind(method)
    .bind(save_method)
    .bind(return_url)
    .bind(&order.description)
    .bind(&order.buyer.email)
    .bind(&order.buyer.phone)
    .bind(receipt.map_err(|error| sqlx::Error::Encode(error.into()))?)
    .bind(intent.as_str())
    .bind(&order.asked.by)
    .bind(&order.asked.key)
    .bind(digest.as_slice())
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// What was asked for with a key, and its digest.
pub(super) async fn asked(
    conn: impl PgExecutor<'_>,
    by: &str,
    key: &str,
) -> sqlx::Result<Option<(PaymentId, Vec<u8>)>> {
    sqlx::query_as("select payment_id, asked_digest from payment where asked_by = $1 and asked_key = $2")
        .bind(by)
        .bind(key)
        .fetch_optional(conn)
        .await
}

pub(super) async fn find(conn: impl PgExecutor<'_>, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(select("where payment_id = $1"))).bind(id).fetch_optional(conn).await?;
    row.as_ref().map(from_row).transpose()
}

pub(super) async fn lock(conn: &mut PgConnection, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(select("where payment_id = $1 for update")))
        .bind(id)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(from_row).transpose()
}

/// By an id of the provider's: its own, or the one that refunds and disputes name.
pub(super) async fn by_external(
    conn: impl PgExecutor<'_>,
    provider: &str,
    external: &str,
) -> sqlx::Result<Option<PaymentId>> {
    sqlx::query_scalar(
        "select payment_id from payment where provider = $1 and (external_id = $2 or charge_id = $2) limit 1",
    )
    .bind(provider)
    .bind(external)
    .fetch_optional(conn)
    .await
}

/// Of an owner, the latest first; before `before`.
pub(super) async fn page(
    conn: impl PgExecutor<'_>,
    owner: &str,
    before: Option<PaymentId>,
    limit: i64,
) -> sqlx::Result<Vec<Payment>> {
    let rest = "where owner = $1 and ($2::uuid is null or payment_id < $2) order by payment_id desc limit $3";
    let rows =
        sqlx::query(sqlx::AssertSqlSafe(select(rest))).bind(owner).bind(before).bind(limit).fetch_all(conn).await?;
    rows.iter().map(from_row).collect()
}

/// Takes one payment to work on, unless another worker has it or nothing is to be done about it.
pub(super) async fn claim(conn: impl PgExecutor<'_>, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "update payment set lease_until = now() + make_interval(secs => $2)
         where payment_id = $1 and look_at is not null and (lease_until is null or lease_until <= now())
         returning {COLUMNS}"
    )))
    .bind(id)
    .bind(LEASE_SECS)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(from_row).transpose()
}

/// Payments whose time has come, the most overdue first.
pub(super) async fn due(conn: impl PgExecutor<'_>, providers: &[&str], limit: i64) -> sqlx::Result<Vec<PaymentId>> {
    sqlx::query_scalar(
        "select payment_id from payment
         where look_at <= now() and (lease_until is null or lease_until <= now()) and provider = any($1)
         order by look_at limit $2",
    )
    .bind(providers)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// The first sending, written before it: after a crash it is known that the provider may have the payment.
pub(super) async fn note_sent(conn: impl PgExecutor<'_>, id: PaymentId, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("update payment set sent_at = coalesce(sent_at, $2) where payment_id = $1")
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// What an answer that agrees with the row says besides where the payment stands; trouble with an earlier one is over. `look_secs`: when it is looked at next; `None` for never.
pub(super) async fn note_seen(
    conn: &mut PgConnection,
    own: &Payment,
    seen: &Seen,
    action_url: Option<&str>,
    look_secs: Option<f64>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update payment
            set external_id = coalesce(external_id, $2), charge_id = coalesce($3, charge_id), action_url = $4,
                fee_minor = coalesce($5, fee_minor), trouble = null, receipt_status = coalesce($6, receipt_status), test = $7,
                look_at = now() + make_interval(secs => $8), lease_until = null, looks = looks + 1, updated_at = now()
          where payment_id = $1",
    )
    .bind(own.id)
    .bind(&seen.external_id)
    .bind(&seen.charge_id)
    .bind(action_url)
    .bind(seen.fee_minor)
    .bind(seen.receipt.map(receipt_word))
    .bind(seen.test)
    .bind(look_secs)
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves it on. The time of a success is that of its booking.
pub(super) async fn set_status(
    conn: &mut PgConnection,
    id: PaymentId,
    status: Status,
    canceled: Option<(&str, &str)>,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "update payment
            set status = $2, cancel_reason = $3, cancel_code = $4,
                succeeded_at = case when $2 = 'succeeded' then $5::timestamptz end, looks = 0,
                look_at = case when $2 = 'canceled' then null else look_at end, updated_at = now()
          where payment_id = $1",
    )
    .bind(id)
    .bind(status.as_str())
    .bind(canceled.map(|canceled| canceled.0))
    .bind(canceled.map(|canceled| canceled.1))
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn set_trouble(conn: &mut PgConnection, id: PaymentId, trouble: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update payment set trouble = $2, look_at = null, lease_until = null, updated_at = now() where payment_id = $1",
    )
    .bind(id)
    .bind(trouble)
    .execute(conn)
    .await?;
    Ok(())
}

/// Nothing was learnt: looked at again after so many seconds.
pub(super) async fn postpone(conn: impl PgExecutor<'_>, id: PaymentId, secs: f64) -> sqlx::Result<()> {
    sqlx::query(
        "update payment set look_at = now() + make_interval(secs => $2), lease_until = null, looks = looks + 1
         where payment_id = $1 and look_at is not null",
    )
    .bind(id)
    .bind(secs)
    .execute(conn)
    .await?;
    Ok(())
}

/// To be looked at now, where it still is looked at.
pub(super) async fn hurry(conn: impl PgExecutor<'_>, id: PaymentId) -> sqlx::Result<()> {
    sqlx::query("update payment set look_at = now(), looks = 0 where payment_id = $1 and look_at is not null")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn set_intent(conn: &mut PgConnection, id: PaymentId, intent: Intent) -> sqlx::Result<()> {
    sqlx::query("update payment set intent = $2, look_at = now(), looks = 0, updated_at = now() where payment_id = $1")
        .bind(id)
        .bind(intent.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps the method of a payment; one that was ended and is given again can be charged again.
pub(super) async fn keep_method(conn: &mut PgConnection, own: &Payment, method: &SavedMethod) -> sqlx::Result<()> {
    sqlx::query(
        "with kept as (
             insert into payment_method (payment_method_id, provider, owner, external_id, title) values ($1, $2, $3, $4, $5)
             on conflict (provider, owner, external_id) do update set title = excluded.title, ended_at = null, end_reason = null
             returning payment_method_id)
         update payment set kept_method_id = kept.payment_method_id from kept where payment_id = $6",
    )
    .bind(PaymentMethodId::new())
    .bind(&own.provider)
    .bind(&own.owner)
    .bind(&method.external_id)
    .bind(&method.title)
    .bind(own.id)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn end_method(
    conn: impl PgExecutor<'_>,
    id: PaymentMethodId,
    reason: &str,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let ended = sqlx::query(
        "update payment_method set ended_at = $3, end_reason = $2 where payment_method_id = $1 and ended_at is null",
    )
    .bind(id)
    .bind(reason)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() == 1)
}

pub(super) async fn method(conn: impl PgExecutor<'_>, id: PaymentMethodId) -> sqlx::Result<Option<PaymentMethod>> {
    let row = sqlx::query(
        "select payment_method_id, provider, owner, external_id, title, ended_at from payment_method
         where payment_method_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(method_from_row).transpose()
}

pub(super) async fn methods(conn: impl PgExecutor<'_>, owner: &str) -> sqlx::Result<Vec<PaymentMethod>> {
    let rows = sqlx::query(
        "select payment_method_id, provider, owner, external_id, title, ended_at from payment_method
         where owner = $1 and ended_at is null order by payment_method_id",
    )
    .bind(owner)
    .fetch_all(conn)
    .await?;
    rows.iter().map(method_from_row).collect()
}

fn method_from_row(row: &PgRow) -> sqlx::Result<PaymentMethod> {
    Ok(PaymentMethod {
        id: row.try_get("payment_method_id")?,
        provider: row.try_get("provider")?,
        owner: row.try_get("owner")?,
        external_id: row.try_get("external_id")?,
        title: row.try_get("title")?,
        ended_at: row.try_get("ended_at")?,
    })
}

pub(super) fn from_row(row: &PgRow) -> sqlx::Result<Payment> {
    let days: Option<i32> = row.try_get("expires_days")?;
    let purpose = match row.try_get::<Option<_>, _>("credits")? {
        Some(credits) => Purpose::TopUp(Bought {
            pack: row.try_get::<Option<_>, _>("credit_pack_id")?.unwrap_or_default(),
            asset: row.try_get("asset")?,
            credits,
            expires_days: days.and_then(|days| u16::try_from(days).ok()),
        }),
        None => Purpose::Period,
    };
    let receipt: Option<serde_json::Value> = row.try_get("receipt")?;
    let receipt = receipt.map(serde_json::from_value).transpose().map_err(|error| sqlx::Error::Decode(error.into()))?;
    let amount = money(row.try_get("amount_minor")?, row.try_get("currency")?);
    Ok(Payment {
        id: PaymentId(row.try_get::<Uuid, _>("payment_id")?),
        provider: row.try_get("provider")?,
        owner: row.try_get("owner")?,
        purpose,
        amount: amount.ok_or_else(|| stored("amount"))?,
        status: Status::from_word(row.try_get("status")?).ok_or_else(|| stored("status"))?,
        method: row.try_get("payment_method_id")?,
        save_method: row.try_get("save_method")?,
        kept: row.try_get("kept_method_id")?,
        return_url: row.try_get("return_url")?,
        description: row.try_get("description")?,
        buyer: Buyer { email: row.try_get("email")?, phone: row.try_get("phone")? },
        receipt,
        intent: Intent::from_word(row.try_get("intent")?).ok_or_else(|| stored("intent"))?,
        external_id: row.try_get("external_id")?,
        charge_id: row.try_get("charge_id")?,
        action_url: row.try_get("action_url")?,
        canceled: canceled(row.try_get("cancel_reason")?, row.try_get("cancel_code")?),
        fee_minor: row.try_get("fee_minor")?,
        receipt_status: row.try_get::<Option<&str>, _>("receipt_status")?.and_then(receipt_from_word),
        test: row.try_get("test")?,
        trouble: row.try_get("trouble")?,
        sent_at: row.try_get("sent_at")?,
        looks: row.try_get::<i32, _>("looks")?.unsigned_abs(),
        created_at: row.try_get("created_at")?,
        succeeded_at: row.try_get("succeeded_at")?,
    })
}

/// A row that no version of ours writes.
pub(super) fn stored(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a payment's {column} is not what is written there").into())
}
