//! What other rooms and systems are told, written in the transaction that made it true.
//!
//! Invariant: a message stands in the table exactly when the fact it tells was committed.

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

/// Channel on which `NOTIFY` tells that there is something to read.
pub const CHANNEL: &str = "abono_feed";

/// A row, as its readers are given it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it stands among all of them.
    pub place: Place,
    /// What happened, with its version.
    pub topic: String,
    /// Subject.
    pub key: String,
    /// What was told.
    pub payload: serde_json::Value,
}

/// Where a row stands: by the transaction that wrote it, then by its id.
///
/// Rows become visible in the order of commits. Ids alone are no order to go by: a transaction that runs on may hold a
/// smaller one than those that are read already. A transaction's number does not change, and whatever is below the oldest
/// one that still runs is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the transaction.
    pub written_by: i64,
    /// Id of the row.
    pub id: i64,
}

/// Adds one message. `topic` carries its version (`billing.plan.changed.v1`); `key` orders messages of one subject.
///
/// # Errors
/// The database's, and a payload that is not JSON.
pub async fn push(conn: &mut PgConnection, topic: &str, key: &str, payload: &impl Serialize) -> sqlx::Result<()> {
    let payload = serde_json::to_value(payload).map_err(|error| sqlx::Error::Encode(error.into()))?;
    repo::insert(conn, topic, key, &payload).await
}

/// Up to `limit` rows behind `after` (and `after` itself where `again`) that no row will come before any more.
///
/// A transaction anywhere on the server that has written and goes on keeps what is younger back.
///
/// # Errors
/// The database's.
pub async fn settled(conn: &mut PgConnection, after: Place, again: bool, limit: i64) -> sqlx::Result<Vec<Row>> {
    repo::settled(conn, after, again, limit).await
}

/// Place of the last settled row that was written before `since`; the first place when there is none. Clocks and
/// transactions are not in step: take `since` as much earlier as a transaction may last.
///
/// # Errors
/// The database's.
pub async fn place_at(pool: &PgPool, since: OffsetDateTime) -> sqlx::Result<Place> {
    repo::last_before(pool, since).await
}

mod repo {
    use sqlx::{PgConnection, PgExecutor, Row as _, postgres::PgRow};
    use time::OffsetDateTime;

    use super::{CHANNEL, Place, Row};

    pub(super) async fn insert(
        conn: &mut PgConnection,
        topic: &str,
        key: &str,
        payload: &serde_json::Value,
    ) -> sqlx::Result<()> {
        sqlx::query(
            "with told as (insert into outbox (topic, key, payload) values ($1, $2, $3))
             select pg_notify($4, '')",
        )
        .bind(topic)
        .bind(key)
        .bind(payload)
        .bind(CHANNEL)
        .execute(conn)
        .await?;
        Ok(())
    }

    pub(super) async fn settled(
        conn: &mut PgConnection,
        after: Place,
        again: bool,
        limit: i64,
    ) -> sqlx::Result<Vec<Row>> {
        let rows = sqlx::query(
            "select written_by::text::bigint as written_by, outbox_id, topic, key, payload
               from outbox
              where (written_by, outbox_id) >= ($1::text::xid8, $2)
                and written_by < pg_snapshot_xmin(pg_current_snapshot())
              order by outbox.written_by, outbox_id
              limit $3",
        )
        .bind(after.written_by.to_string())
        .bind(after.id + i64::from(!again))
        .bind(limit)
        .fetch_all(conn)
        .await?;
        let row = |row: &PgRow| {
            Ok(Row {
                place: place(row)?,
                topic: row.try_get("topic")?,
                key: row.try_get("key")?,
                payload: row.try_get("payload")?,
            })
        };
        rows.iter().map(row).collect()
    }

    pub(super) async fn last_before(conn: impl PgExecutor<'_>, since: OffsetDateTime) -> sqlx::Result<Place> {
        let row = sqlx::query(
            "select written_by::text::bigint as written_by, outbox_id
               from outbox
              where created_at < $1 and written_by < pg_snapshot_xmin(pg_current_snapshot())
              order by outbox.written_by desc, outbox_id desc
              limit 1",
        )
        .bind(since)
        .fetch_optional(conn)
        .await?;
        row.as_ref().map_or(Ok(Place::default()), place)
    }

    fn place(row: &PgRow) -> sqlx::Result<Place> {
        Ok(Place { written_by: row.try_get("written_by")?, id: row.try_get("outbox_id")? })
    }
}
