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
}
