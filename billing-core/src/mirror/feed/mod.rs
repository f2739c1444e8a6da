//! What other rooms and systems are told, in order, and from any place on.
//!
//! The outbox has one row per stretch of blocks and one per reorganisation; reading makes a message of each log that tells
//! something, so that nothing is stored twice. Rows of other rooms are given as they are. All is read in one snapshot.
//!
//! Invariant: who resumes from the position of the last message it dealt with is given every later one once. A message of
//! a stretch that was undone before it was read is not given; its retraction is, and a reader that never saw the message
//! has nothing to take back.

mod expand;
mod feed_repo;
mod position;
mod topics;

pub use crate::outbox::CHANNEL;
pub use position::{BadPosition, FeedPosition};
pub use topics::ABOUT_SUBSCRIPTIONS;

use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{MirrorError, messages::Message, repo};
use crate::outbox::{self, Row};
use position::Inside;

/// A stretch with logs was applied; the messages of its logs come before it. Its key is the chain id.
pub const ADVANCED: &str = "billing.chain.advanced.v1";
/// A reorganisation was undone; the retractions come before it. Its key is the chain id.
pub const REVERTED: &str = "billing.chain.reverted.v1";
/// A plan changed: status and freeze are those of the moment of reading.
pub const PLAN_CHANGED: &str = super::messages::PLAN_CHANGED;

/// Rows of the outbox looked at in one question.
const ROWS: i64 = 100;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedMessage {
    /// Reading goes on behind it.
    pub position: FeedPosition,
    /// What happened, with its version.
    pub topic: String,
    /// Orders messages of one subject.
    pub key: String,
    /// What is told.
    pub payload: Value,
}

/// Up to `limit` messages behind `after`; none when all is read that is settled.
///
/// # Errors
/// The database's; `Undecodable` when a later version stored the logs.
pub async fn read(pool: &PgPool, after: FeedPosition, limit: usize) -> Result<Vec<FeedMessage>, MirrorError> {
    read_of(pool, None, after, limit).await
}

/// As [`read`], but of what the logs tell only these topics; other logs are not read. Rows of the outbox are all given, so
/// that the position moves.
///
/// # Errors
/// As [`read`].
pub async fn read_of(
    pool: &PgPool,
    topics: Option<&[&str]>,
    after: FeedPosition,
    limit: usize,
) -> Result<Vec<FeedMessage>, MirrorError> {
    let mut tx = repo::begin_snapshot(pool).await?;
    let mut page = Page { topics, limit, messages: Vec::new() };
    let mut at = after;
    loop {
        let rows = outbox::settled(&mut tx, at.place, at.inside.is_some(), ROWS).await?;
        let last = rows.len() < usize::try_from(ROWS).unwrap_or_default();
        for row in rows {
            let inside = at.inside.filter(|_| row.place == at.place);
            page.add_row(&mut tx, row, inside).await?;
            if page.is_full() {
                return Ok(page.messages);
            }
        }
        match page.messages.last() {
            Some(message) if !last => at = message.position,
            _ => return Ok(page.messages),
        }
    }
}

/// Where a reader begins that wants what was told since `since`; as exact as `outbox::place_at` is.
///
/// # Errors
/// The database's.
pub async fn position_at(pool: &PgPool, since: OffsetDateTime) -> sqlx::Result<FeedPosition> {
    Ok(FeedPosition { place: outbox::place_at(pool, since).await?, inside: None })
}

struct Page<'a> {
    topics: Option<&'a [&'a str]>,
    limit: usize,
    messages: Vec<FeedMessage>,
}

impl Page<'_> {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.messages.len())
    }

    fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// What a row expands to, behind `inside`, and at last the row itself.
    async fn add_row(&mut self, conn: &mut PgConnection, row: Row, inside: Option<Inside>) -> Result<(), MirrorError> {
        match row.topic.as_str() {
            ADVANCED => expand::stretch(conn, self, &row, inside).await?,
            REVERTED => expand::undo(conn, self, &row, inside).await?,
            _ => {}
        }
        if !self.is_full() {
            let position = FeedPosition { place: row.place, inside: None };
            self.messages.push(FeedMessage { position, topic: row.topic, key: row.key, payload: row.payload });
        }
        Ok(())
    }

    fn wants(&self, topic: &str) -> bool {
        self.topics.is_none_or(|topics| topics.contains(&topic))
    }

    fn add(&mut self, row: &Row, inside: Inside, message: Message) {
        let position = FeedPosition { place: row.place, inside: Some(inside) };
        let Message { topic, key, payload } = message;
        self.messages.push(FeedMessage { position, topic: topic.to_owned(), key, payload });
    }
}
