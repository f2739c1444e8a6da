//! SQL of what operators look at.

use sqlx::{PgExecutor, Row as _, postgres::PgRow};

use super::{Figures, Filter, Payment, Status, Trouble, repo};

/// All but what is counted by status or kind.
pub(super) async fn counts(conn: impl PgExecutor<'_>, provider: &str) -> sqlx::Result<Figures> {
    let row = sqlx::query(
        "select (select count(*) from refund join payment using (payment_id)
                  where payment.provider = $1 and refund.look_at is not null) as open_refunds,
                (select count(*) from payment where provider = $1 and trouble is not null)
              + (select count(*) from refund join payment using (payment_id)
                  where payment.provider = $1 and refund.trouble is not null) as troubles,
                (select count(*) from payment where provider = $1 and receipt_status = 'canceled') as receipts_canceled,
                (select count(*) from webhook_inbox where provider = $1 and status = 'received') as waiting,
                (select count(*) from webhook_inbox where provider = $1 and status = 'given_up') as given_up",
    )
    .bind(provider)
    .fetch_one(conn)
    .await?;
    Ok(Figures {
        open_refunds: row.try_get("open_refunds")?,
        troubles: row.try_get("troubles")?,
        receipts_canceled: row.try_get("receipts_canceled")?,
        notifications_waiting: row.try_get("waiting")?,
        notifications_given_up: row.try_get("given_up")?,
        ..Figures::default()
    })
}

/// Payments that are looked at, by status: how many, and the age of the oldest. What is in trouble is not looked at.
pub(super) async fn open(conn: impl PgExecutor<'_>, provider: &str) -> sqlx::Result<Vec<(Status, i64, i64)>> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "select status, count(*), extract(epoch from now() - min(created_at))::bigint from payment
          where provider = $1 and look_at is not null and status <> 'succeeded'
          group by status order by status",
    )
    .bind(provider)
    .fetch_all(conn)
    .await?;
    let read = |(status, count, oldest): (String, i64, i64)| {
        Ok((Status::from_word(&status).ok_or_else(|| repo::stored("status"))?, count, oldest))
    };
    rows.into_iter().map(read).collect()
}

pub(super) async fn list(conn: impl PgExecutor<'_>, filter: &Filter, limit: i64) -> sqlx::Result<Vec<Payment>> {
    let text = repo::select(
        "where ($1::text is null or owner = $1) and ($2::text is null or provider = $2) and ($3::text is null or status = $3)
         order by payment_id desc limit $4",
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(&filter.owner)
        .bind(&filter.provider)
        .bind(filter.status.map(Status::as_str))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(repo::from_row).collect()
}

pub(super) async fn troubles(conn: impl PgExecutor<'_>) -> sqlx::Result<Vec<Trouble>> {
    let rows = sqlx::query(
        "select provider, owner, payment_id, null::uuid as refund_id, trouble as what, updated_at from payment
          where trouble is not null
         union all
         select payment.provider, payment.owner, refund.payment_id, refund.refund_id, refund.trouble, refund.updated_at
           from refund join payment using (payment_id) where refund.trouble is not null
         union all
         select provider, owner, payment_id, null, 'the receipt is canceled', updated_at from payment
          where receipt_status = 'canceled'
         order by updated_at",
    )
    .fetch_all(conn)
    .await?;
    let read = |row: &PgRow| {
        Ok(Trouble {
            provider: row.try_get("provider")?,
            owner: row.try_get("owner")?,
            payment: row.try_get("payment_id")?,
            refund: row.try_get("refund_id")?,
            what: row.try_get("what")?,
            seen_at: row.try_get("updated_at")?,
        })
    };
    rows.iter().map(read).collect()
}
