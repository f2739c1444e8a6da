//! Blocks in: one SQL transaction a stretch.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Blocks, Cursor, MirrorError, Source,
    event::{Event, decode},
    feed, log_repo,
    log_row::LogRow,
    projections::Projections,
    repo,
};
use crate::{
    charges::{self, ConfirmedCharge},
    ids::ChainId,
    log_point::LogPoint,
    marketplace::{self, PlacedEvent},
    outbox,
};

/// What became of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Stored; the cursor stands on its last block.
    Moved {
        /// Logs stored.
        logs: usize,
        /// Charges among them.
        charges: usize,
    },
    /// The stretch follows the cursor by number, not by hash: the cursor's block was replaced. Nothing was written.
    NeedsUndo {
        /// Where the mirror stands.
        cursor: Cursor,
    },
    /// The stretch does not begin behind the cursor: another writer moved it. Nothing was written.
    Stale {
        /// Where the mirror stands; `None` when the other writer is not seen yet.
        cursor: Option<Cursor>,
    },
}

/// Stores a stretch: headers, logs, projections, charges confirmed, a message, cursor; all of it or nothing.
///
/// # Errors
/// `Gap` and `Undecodable` when a log is missing or cannot be read; the database's.
pub async fn apply(pool: &PgPool, source: &Source, blocks: &Blocks) -> Result<Applied, MirrorError> {
    let events = decode_all(source, blocks)?;
    let chain_id = source.chain_id;
    let mut tx = pool.begin().await?;
    let (cursor, room) = repo::lock_cursor(&mut tx, chain_id).await?;
    if let Some(refused) = place(cursor, blocks) {
        return Ok(refused);
    }
    // The first stretch has no cursor to lock: its row stands for it, and who comes second waits here.
    if cursor.is_none() && !repo::insert_cursor(&mut tx, chain_id, blocks.last(), blocks.last_final()).await? {
        return Ok(Applied::Stale { cursor: None });
    }
    count_events(&mut tx, chain_id, &events, blocks).await?;
    if room.is_none_or(|room| blocks.last().number >= room) {
        log_repo::extend(&mut tx, chain_id, blocks.first().number, blocks.last().number).await?;
    }
    store_blocks(&mut tx, source, blocks, &events).await?;
    let charges = project(&mut tx, chain_id, &events).await?;
    charges::confirm(&mut tx, chain_id, &charges).await?;
    charges::reopen_orphaned(&mut tx, chain_id, blocks.last().number).await?;
    marketplace::event_repo::insert(&mut tx, &marketplace_events(chain_id, &events)).await?;
    tell(&mut tx, chain_id, blocks).await?;
    if cursor.is_some() {
        repo::move_cursor(&mut tx, chain_id, blocks.last(), blocks.last_final()).await?;
    }
    tx.commit().await?;
    Ok(Applied::Moved { logs: events.len(), charges: charges.len() })
}

/// One message for the whole stretch; readers of the feed are given what its logs tell.
async fn tell(conn: &mut PgConnection, chain_id: ChainId, blocks: &Blocks) -> sqlx::Result<()> {
    if blocks.logs().is_empty() {
        return Ok(());
    }
    let (from_block, to_block) = (blocks.first().number, blocks.last().number);
    let told = json!({ "from_block": from_block, "to_block": to_block, "logs": blocks.logs().len() });
    outbox::push(conn, feed::ADVANCED, &chain_id.to_string(), &told).await
}

/// A log's event number, what it tells, and where it stands.
pub(super) struct Read<'a> {
    pub(super) sequence: i64,
    pub(super) event: Event,
    pub(super) log: &'a super::RawLog,
}

impl Read<'_> {
    pub(super) const fn point(&self, chain_id: ChainId) -> LogPoint {
        LogPoint {
            chain_id,
            block_number: self.log.block_number,
            block_hash: self.log.block_hash,
            block_time: self.log.block_time,
            tx_hash: self.log.tx_hash,
            log_index: self.log.log_index,
        }
    }
}

pub(super) fn read<'a>(source: &Source, log: &'a super::RawLog) -> Result<Read<'a>, MirrorError> {
    decode(source, log).map(|(sequence, event)| Read { sequence, event, log })
}

fn decode_all<'a>(source: &Source, blocks: &'a Blocks) -> Result<Vec<Read<'a>>, MirrorError> {
    blocks.logs().iter().map(|log| read(source, log)).collect()
}

fn place(cursor: Option<Cursor>, blocks: &Blocks) -> Option<Applied> {
    let at = cursor?;
    let first = blocks.first();
    if first.number != at.number + 1 {
        Some(Applied::Stale { cursor })
    } else if first.parent_hash != at.hash {
        Some(Applied::NeedsUndo { cursor: at })
    } else {
        None
    }
}

/// Every contract's events follow its last one, and are as many as it says itself.
async fn count_events(
    conn: &mut PgConnection,
    chain_id: ChainId,
    events: &[Read<'_>],
    blocks: &Blocks,
) -> Result<(), MirrorError> {
    let before: BTreeMap<Address, i64> = repo::sequences(conn, chain_id).await?.into_iter().collect();
    let mut now = before.clone();
    let gap =
        |address, last: i64, found, block| MirrorError::Gap { chain_id, address, expected: last + 1, found, block };
    for read in events {
        let last = now.entry(read.log.address).or_default();
        if read.sequence != *last + 1 {
            return Err(gap(read.log.address, *last, read.sequence, read.log.block_number));
        }
        *last = read.sequence;
    }
    for count in blocks.counts() {
        let last = now.get(&count.address).copied().unwrap_or_default();
        if count.count > last {
            return Err(gap(count.address, last, count.count, blocks.last().number));
        }
    }
    now.retain(|address, last| before.get(address) != Some(last));
    repo::set_sequences(conn, chain_id, &now.into_iter().collect::<Vec<_>>()).await?;
    Ok(())
}

async fn store_blocks(
    conn: &mut PgConnection,
    source: &Source,
    blocks: &Blocks,
    events: &[Read<'_>],
) -> Result<(), MirrorError> {
    // A chain that names its final block may be long in doing so.
    let unfinal = if blocks.last_final() < 0 { i64::MAX } else { blocks.last_final() };
    let oldest = blocks.last().number.saturating_sub(source.header_window).min(unfinal);
    let kept = blocks.headers().partition_point(|header| header.number < oldest);
    repo::insert_headers(conn, source.chain_id, &blocks.headers()[kept..]).await?;
    repo::delete_headers_below(conn, source.chain_id, oldest).await?;
    let rows: Vec<LogRow<'_>> = events.iter().map(LogRow::from).collect();
    log_repo::insert(conn, source.chain_id, &rows).await?;
    Ok(())
}

async fn project(
    conn: &mut PgConnection,
    chain_id: ChainId,
    events: &[Read<'_>],
) -> Result<Vec<ConfirmedCharge>, MirrorError> {
    let mut projections = Projections::touched(chain_id, events.iter().map(|read| &read.event));
    projections.load(conn, chain_id).await?;
    let charges = events.iter().filter_map(|read| projections.fold(&read.event, read.point(chain_id))).collect();
    projections.store(conn, chain_id).await?;
    Ok(charges)
}

/// Those of the marketplace: each is a row of its own.
pub(super) fn marketplace_events(chain_id: ChainId, events: &[Read<'_>]) -> Vec<PlacedEvent> {
    let placed = events.iter().filter_map(|read| match &read.event {
        Event::Marketplace(event) => {
            Some(PlacedEvent { at: read.point(chain_id), sequence: read.sequence, event: event.clone() })
        }
        _ => None,
    });
    placed.collect()
}
