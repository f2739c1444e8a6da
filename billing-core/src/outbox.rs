//! What other rooms and systems are told, written in the transaction that made it true.
//!
//! Invariant: a message stands in the table exactly when the fact it tells was committed.

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

/// What a reader is given of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Place in the table. Messages may become visible out of order: transactions commit in any.
    pub id: i64,
    /// Subject.
    pub key: String,
}

/// Adds one message. `topic` carries its version (`billing.plan.changed.v1`); `key` orders messages of one subject.
///
/// # Errors
/// The database's, and a payload that is not JSON.
pub async fn push(conn: &mut PgConnection, topic: &str, key: &str, payload: &impl Serialize) -> sqlx::Result<()> {
    let payload = serde_json::to_value(payload).map_err(|error| sqlx::Error::Encode(error.into()))?;
    repo::insert(conn, topic, key, &payload).await
}

/// Adds many messages, in this order: topic, key, payload.
///
/// # Errors
/// The database's.
pub async fn push_all(conn: &mut PgConnection, messages: &[(&str, &str, &serde_json::Value)]) -> sqlx::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    repo::insert_all(conn, messages).await
}

/// Up to `limit` messages of `topic` that stand after `after_id`, in their order.
///
/// # Errors
/// The database's.
pub async fn read_after(pool: &PgPool, topic: &str, after_id: i64, limit: i64) -> sqlx::Result<Vec<Message>> {
    repo::after(pool, topic, after_id, limit).await
}

/// The id after which a reader finds every message of `topic` written since `since`; zero when there is none before.
///
/// # Errors
/// The database's.
pub async fn position_at(pool: &PgPool, topic: &str, since: OffsetDateTime) -> sqlx::Result<i64> {
    repo::last_before(pool, topic, since).await
}

mod repo {
    use sqlx::{PgConnection, PgExecutor, Row};
    use time::OffsetDateTime;

    use super::Message;

    pub(super) async fn insert(
        conn: &mut PgConnection,
        topic: &str,
        key: &str,
        payload: &serde_json::Value,
    ) -> sqlx::Result<()> {
        sqlx::query("insert into outbox (topic, key, payload) values ($1, $2, $3)")
            .bind(topic)
            .bind(key)
            .bind(payload)
            .execute(conn)
            .await?;
        Ok(())
    }

    pub(super) async fn insert_all(
        conn: &mut PgConnection,
        messages: &[(&str, &str, &serde_json::Value)],
    ) -> sqlx::Result<()> {
        sqlx::query(
            "insert into outbox (topic, key, payload)
             select topic, key, payload
               from unnest($1::text[], $2::text[], $3::jsonb[]) with ordinality as message (topic, key, payload, position)
              order by position",
        )
        .bind(messages.iter().map(|(topic, _, _)| *topic).collect::<Vec<_>>())
        .bind(messages.iter().map(|(_, key, _)| *key).collect::<Vec<_>>())
        .bind(messages.iter().map(|(_, _, payload)| *payload).collect::<Vec<_>>())
        .execute(conn)
        .await?;
        Ok(())
    }

    pub(super) async fn after(
        conn: impl PgExecutor<'_>,
        topic: &str,
        after_id: i64,
        limit: i64,
    ) -> sqlx::Result<Vec<Message>> {
        let rows = sqlx::query(
            "select outbox_id, key from outbox where outbox_id > $1 and topic = $2 order by outbox_id limit $3",
        )
        .bind(after_id)
        .bind(topic)
        .bind(limit)
        .fetch_all(conn)
        .await?;
        rows.iter().map(|row| Ok(Message { id: row.try_get("outbox_id")?, key: row.try_get("key")? })).collect()
    }

    pub(super) async fn last_before(
        conn: impl PgExecutor<'_>,
        topic: &str,
        since: OffsetDateTime,
    ) -> sqlx::Result<i64> {
        sqlx::query_scalar("select coalesce(max(outbox_id), 0) from outbox where topic = $1 and created_at < $2")
            .bind(topic)
            .bind(since)
            .fetch_one(conn)
            .await
    }
}
