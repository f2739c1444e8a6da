//! SQL of comparisons.

use billing_fiat::Window;
use sqlx::{PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Difference, Payment, repo};
use crate::ids::PaymentId;

pub(super) async fn by_ids(conn: impl PgExecutor<'_>, provider: &str, ids: &[Uuid]) -> sqlx::Result<Vec<Payment>> {
    let text = repo::select("where provider = $1 and payment_id = any($2)");
    let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(provider).bind(ids).fetch_all(conn).await?;
    rows.iter().map(repo::from_row).collect()
}

/// Payments that were sent and written in the window.
pub(super) async fn sent_in(conn: impl PgExecutor<'_>, provider: &str, window: Window) -> sqlx::Result<Vec<Payment>> {
    let text = repo::select("where provider = $1 and created_at >= $2 and created_at < $3 and sent_at is not null");
    let rows = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(provider)
        .bind(window.since)
        .bind(window.until)
        .fetch_all(conn)
        .await?;
    rows.iter().map(repo::from_row).collect()
}

/// What was given back of a payment, by our books.
pub(super) async fn refunded(conn: impl PgExecutor<'_>, payment: PaymentId) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select coalesce(sum(amount_minor), 0)::bigint from refund where payment_id = $1 and status = 'succeeded'",
    )
    .bind(payment)
    .fetch_one(conn)
    .await
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    provider: &str,
    window: Window,
    compared: usize,
    differences: &[Difference],
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into reconciliation (reconciliation_id, provider, since, until, compared, differences)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(provider)
    .bind(window.since)
    .bind(window.until)
    .bind(i32::try_from(compared).unwrap_or(i32::MAX))
    .bind(i32::try_from(differences.len()).unwrap_or(i32::MAX))
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into reconciliation_difference (reconciliation_id, number, kind, payment_id, external_id, ours, theirs)
         select $1, found.number, found.kind, found.payment_id, found.external_id, found.ours, found.theirs
           from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[]) with ordinality
                as found (kind, payment_id, external_id, ours, theirs, number)",
    )
    .bind(id)
    .bind(differences.iter().map(|found| found.kind.as_str()).collect::<Vec<_>>())
    .bind(differences.iter().map(|found| found.payment.map(|id| id.0)).collect::<Vec<_>>())
    .bind(differences.iter().map(|found| found.external_id.as_deref()).collect::<Vec<_>>())
    .bind(differences.iter().map(|found| found.ours.as_deref()).collect::<Vec<_>>())
    .bind(differences.iter().map(|found| found.theirs.as_deref()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn last(conn: impl PgExecutor<'_>, provider: &str) -> sqlx::Result<Option<OffsetDateTime>> {
    sqlx::query_scalar("select max(until) from reconciliation where provider = $1").bind(provider).fetch_one(conn).await
}

/// For as long as the session lasts; false when another has it.
pub(super) async fn lock(session: &mut PgConnection, provider: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended('reconcile ' || $1, 0))")
        .bind(provider)
        .fetch_one(session)
        .await
}

/// When the last comparison ended, and how many differences of each kind it found.
pub(super) async fn latest(
    pool: &PgPool,
    provider: &str,
) -> sqlx::Result<Option<(OffsetDateTime, Vec<(String, i64)>)>> {
    let last: Option<(Uuid, OffsetDateTime)> = sqlx::query_as(
        "select reconciliation_id, finished_at from reconciliation where provider = $1
          order by until desc, finished_at desc limit 1",
    )
    .bind(provider)
    .fetch_optional(pool)
    .await?;
    let Some((id, finished_at)) = last else { return Ok(None) };
    let kinds = sqlx::query_as(
        "select kind, count(*) from reconciliation_difference where reconciliation_id = $1 group by kind order by kind",
    )
    .bind(id)
    .fetch_all(pool)
    .await?;
    Ok(Some((finished_at, kinds)))
}
