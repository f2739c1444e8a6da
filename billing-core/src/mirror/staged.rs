//! A stretch on its way in: its logs are with the database, in a transaction that is open.
//!
//! Copying logs is most of the work of filling a mirror, and needs nothing of what came before. So the next stretch's are
//! copied while this one is folded and committed. Everything that does depend on it comes after, under the cursor's lock.

use serde_json::json;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::{
    Applied, Blocks, Cursor, EventCount, Header, MirrorError, Source, feed, log_repo,
    log_row::LogRow,
    numbers,
    projections::Projections,
    read::{Read, Stretch, marketplace_events},
    repo::{self, CursorVersion, Opening},
};
use crate::{charges, ids::ChainId, marketplace, outbox};

/// A stretch whose logs are written and not committed. Dropped, they are gone.
#[derive(Debug)]
pub struct Staged(Result<Writing, Applied>);

#[derive(Debug)]
struct Writing {
    tx: Transaction<'static, Postgres>,
    source: Source,
    reads: Vec<Read>,
    counts: Vec<EventCount>,
    first: Header,
    last: Header,
    last_final: i64,
    /// First block whose header is kept, and the stretch's headers from there on.
    oldest: i64,
    recent: Vec<Header>,
    /// The cursor that it was written behind; `None` for the first stretch of a chain.
    follows: Option<CursorVersion>,
    /// The cursor that it makes.
    makes: CursorVersion,
}

impl Staged {
    /// Writes the logs behind the mirror's cursor, or behind another stretch that will have moved it.
    ///
    /// # Errors
    /// The database's.
    pub async fn new(
        pool: &PgPool,
        source: &Source,
        Stretch { blocks, reads }: Stretch,
        behind: Option<CursorVersion>,
    ) -> Result<Self, MirrorError> {
        let (mut tx, opening) = open(pool, source.chain_id, &blocks).await?;
        let cursor = opening.standing.map(|standing| standing.cursor);
        if behind.is_none()
            && let Some(refused) = place(cursor, blocks.first())
        {
            return Ok(Self(Err(refused)));
        }
        let oldest = oldest_kept(source, &blocks);
        let kept = blocks.headers().partition_point(|header| header.number < oldest);
        let rows: Vec<LogRow<'_>> = blocks.logs().iter().zip(&reads).map(LogRow::from).collect();
        match log_repo::insert(&mut tx, source.chain_id, &rows).await {
            // Another writer had them in the meantime.
            Err(error) if is_there_already(&error) => return Ok(Self(Err(Applied::Stale { cursor }))),
            inserted => inserted?,
        }
        Ok(Self(Ok(Writing {
            tx,
            source: *source,
            reads,
            counts: blocks.counts().to_vec(),
            first: *blocks.first(),
            last: *blocks.last(),
            last_final: blocks.last_final(),
            oldest,
            recent: blocks.headers()[kept..].to_vec(),
            follows: behind.or(opening.standing.map(|standing| standing.version)),
            makes: opening.version,
        })))
    }

    /// For who comes behind; `None` where nothing was written.
    #[must_use]
    pub fn version(&self) -> Option<CursorVersion> {
        self.0.as_ref().ok().map(|writing| writing.makes)
    }

    /// Headers, projections, charges confirmed, a message, cursor; then the commit.
    ///
    /// # Errors
    /// `Gap` when a log is missing; the database's.
    pub async fn finish(self) -> Result<Applied, MirrorError> {
        match self.0 {
            Ok(writing) => writing.finish().await,
            Err(refused) => Ok(refused),
        }
    }
}

impl Writing {
    async fn finish(mut self) -> Result<Applied, MirrorError> {
        let (tx, chain_id) = (&mut self.tx, self.source.chain_id);
        let standing = repo::lock_cursor(tx, chain_id).await?;
        let cursor = standing.map(|standing| standing.cursor);
        if let Some(refused) = place(cursor, &self.first) {
            return Ok(refused);
        }
        // Who came between and moved the cursor away and back has a later transaction, and readers go by these.
        if standing.map(|standing| standing.version) != self.follows {
            return Ok(Applied::Stale { cursor });
        }
        // The first stretch has no cursor to lock: its row stands for it, and who comes second waits here.
        if cursor.is_none() && !repo::insert_cursor(tx, chain_id, &self.last, self.last_final).await? {
            return Ok(Applied::Stale { cursor: None });
        }
        numbers::advance(tx, chain_id, &self.reads, &self.counts, self.last.number).await?;
        repo::insert_headers(tx, chain_id, &self.recent).await?;
        repo::delete_headers_below(tx, chain_id, self.oldest).await?;
        let charges = Projections::advance(tx, chain_id, &self.reads).await?;
        charges::confirm(tx, chain_id, &charges).await?;
        charges::reopen_orphaned(tx, chain_id, self.last.number).await?;
        marketplace::event_repo::insert(tx, &marketplace_events(&self.reads)).await?;
        tell(tx, chain_id, (&self.first, &self.last), self.reads.len()).await?;
        if cursor.is_some() {
            repo::move_cursor(tx, chain_id, &self.last, self.last_final).await?;
        }
        self.tx.commit().await?;
        Ok(Applied::Moved { logs: self.reads.len(), charges: charges.len() })
    }
}

/// A transaction in which there is room for the logs. Room is made in one of its own: others see it at once, who copy into it.
async fn open(
    pool: &PgPool,
    chain_id: ChainId,
    blocks: &Blocks,
) -> sqlx::Result<(Transaction<'static, Postgres>, Opening)> {
    loop {
        let mut tx = pool.begin().await?;
        let opening = repo::opening(&mut tx, chain_id).await?;
        if opening.room.is_some_and(|room| room > blocks.last().number) {
            return Ok((tx, opening));
        }
        log_repo::extend(&mut tx, chain_id, blocks.first().number, blocks.last().number).await?;
        tx.commit().await?;
    }
}

fn place(cursor: Option<Cursor>, first: &Header) -> Option<Applied> {
    let at = cursor?;
    if first.number != at.number + 1 {
        Some(Applied::Stale { cursor })
    } else if first.parent_hash != at.hash {
        Some(Applied::NeedsUndo { cursor: at })
    } else {
        None
    }
}

/// A reorganisation finds its fork among the headers that are kept.
fn oldest_kept(source: &Source, blocks: &Blocks) -> i64 {
    // A chain that names its final block may be long in doing so.
    let unfinal = if blocks.last_final() < 0 { i64::MAX } else { blocks.last_final() };
    blocks.last().number.saturating_sub(source.header_window).min(unfinal)
}

fn is_there_already(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// One message for the whole stretch; readers of the feed are given what its logs tell.
async fn tell(
    conn: &mut PgConnection,
    chain_id: ChainId,
    (first, last): (&Header, &Header),
    logs: usize,
) -> sqlx::Result<()> {
    if logs == 0 {
        return Ok(());
    }
    let told = json!({ "from_block": first.number, "to_block": last.number, "logs": logs });
    outbox::push(conn, feed::ADVANCED, &chain_id.to_string(), &told).await
}
