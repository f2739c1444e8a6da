//! SQL of notifications.

use billing_fiat::{Notification, Subject};
use sqlx::{PgConnection, PgExecutor, Row as _};

use super::repo::{LEASE_SECS, stored};

/// A notification to attend to.
pub(super) struct Kept {
    pub(super) provider: String,
    pub(super) subject: Subject,
}

const fn columns(subject: &Subject) -> (&'static str, Option<&String>) {
    match subject {
        Subject::Payment(id) => ("payment", Some(id)),
        Subject::Refund(id) => ("refund", Some(id)),
        Subject::Dispute(id) => ("dispute", Some(id)),
        Subject::Nothing => ("nothing", None),
    }
}

/// True when it is new. One that is told again is attended to again: what was asked about it may have been too early.
pub(super) async fn insert(
    conn: impl PgExecutor<'_>,
    provider: &str,
    notification: &Notification,
    body: &[u8],
) -> sqlx::Result<bool> {
    let (subject, subject_id) = columns(&notification.subject);
    let is_new: Option<bool> = sqlx::query_scalar(
        "insert into webhook_inbox as known (provider, event_id, event, subject, subject_id, body, status, look_at)
         values ($1, $2, $3, $4, $5, $6, 'received', now())
         on conflict (provider, event_id) do update set status = 'received', look_at = now(), attempts = 0
             where known.status <> 'received'
         returning xmax = 0",
    )
    .bind(provider)
    .bind(&notification.event_id)
    .bind(&notification.event)
    .bind(subject)
    .bind(subject_id)
    .bind(body)
    .fetch_optional(conn)
    .await?;
    Ok(is_new == Some(true))
}

pub(super) async fn due(conn: impl PgExecutor<'_>, providers: &[&str], limit: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(
        "select webhook_inbox_id from webhook_inbox
         where status = 'received' and look_at <= now() and (lease_until is null or lease_until <= now())
           and provider = any($1)
         order by look_at limit $2",
    )
    .bind(providers)
    .bind(limit)
    .fetch_all(conn)
    .await
}

pub(super) async fn claim(conn: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<Kept>> {
    let row = sqlx::query(
        "update webhook_inbox set lease_until = now() + make_interval(secs => $2)
         where webhook_inbox_id = $1 and status = 'received' and (lease_until is null or lease_until <= now())
         returning provider, subject, subject_id",
    )
    .bind(id)
    .bind(LEASE_SECS)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let subject_id: Option<String> = row.try_get("subject_id")?;
    let subject = match (row.try_get("subject")?, subject_id) {
        ("payment", Some(id)) => Subject::Payment(id),
        ("refund", Some(id)) => Subject::Refund(id),
        ("dispute", Some(id)) => Subject::Dispute(id),
        ("nothing", None) => Subject::Nothing,
        _ => return Err(stored("notification")),
    };
    Ok(Some(Kept { provider: row.try_get("provider")?, subject }))
}

pub(super) async fn finish(conn: &mut PgConnection, id: i64, outcome: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update webhook_inbox set status = 'done', outcome = $2, look_at = null, lease_until = null
         where webhook_inbox_id = $1",
    )
    .bind(id)
    .bind(outcome)
    .execute(conn)
    .await?;
    Ok(())
}

/// Attended to in vain: again later, twice as long each time, up to so many attempts.
pub(super) async fn postpone(conn: impl PgExecutor<'_>, id: i64, most: u32, why: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update webhook_inbox
            set attempts = attempts + 1, outcome = $3, lease_until = null,
                status = case when attempts + 1 >= $2 then 'given_up' else status end,
                look_at = case when attempts + 1 < $2 then now() + make_interval(secs => least(power(2, attempts), 3600)) end
          where webhook_inbox_id = $1",
    )
    .bind(id)
    .bind(most.cast_signed())
    .bind(why)
    .execute(conn)
    .await?;
    Ok(())
}
