//! What other rooms and systems are told, written in the transaction that made it true.
//!
//! Invariant: a message stands in the table exactly when the fact it tells was committed.

use serde::Serialize;
use sqlx::PgConnection;

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

mod repo {
    use sqlx::PgConnection;

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
}
