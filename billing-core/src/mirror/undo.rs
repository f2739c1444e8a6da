//! Blocks out: a reorganisation below the cursor, one SQL transaction.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use sqlx::{PgConnection, PgPool};

use super::{
    Cursor, Header, MirrorError, Source,
    apply::{Read, marketplace_events, push, read},
    event::Event,
    messages::Message,
    projections::{Effects, Projections},
    repo,
};
use crate::{
    charges,
    ids::{ChainId, SubscriptionKey},
    marketplace,
};

/// What became of an undoing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The mirror is what it was at the fork.
    Moved {
        /// Blocks taken back.
        depth: i64,
        /// Logs taken back.
        logs: usize,
    },
    /// The cursor is no longer where the caller saw it: another writer moved it. Nothing was written.
    Stale,
}

/// Takes everything above `fork_block` back, if the cursor still is `seen`: logs, headers and event numbers go,
/// projections are folded again from the logs that are left, charges confirmed there are confirmed no longer.
///
/// # Errors
/// `BeyondWindow` when the header of `fork_block` is not stored; the database's.
pub async fn undo_to(pool: &PgPool, source: &Source, seen: &Cursor, fork_block: i64) -> Result<Undone, MirrorError> {
    let chain_id = source.chain_id;
    let mut tx = pool.begin().await?;
    if repo::lock_cursor(&mut tx, chain_id).await?.as_ref() != Some(seen) {
        return Ok(Undone::Stale);
    }
    let Some(fork) = repo::header_at(&mut tx, chain_id, fork_block).await? else {
        return Err(beyond(&mut tx, chain_id, seen).await?);
    };
    let undone = take_back(&mut tx, source, seen, &fork).await?;
    tx.commit().await?;
    Ok(undone)
}

/// The cursor's row must be locked.
pub(super) async fn take_back(
    conn: &mut PgConnection,
    source: &Source,
    seen: &Cursor,
    fork: &Header,
) -> Result<Undone, MirrorError> {
    let chain_id = source.chain_id;
    let logs = repo::delete_logs_above(conn, chain_id, fork.number).await?;
    repo::delete_headers_above(conn, chain_id, fork.number).await?;
    let orphans = logs.iter().map(|log| read(source, log)).collect::<Result<Vec<_>, _>>()?;
    take_back_numbers(conn, chain_id, &orphans).await?;
    let projections = refold(conn, source, &orphans).await?;
    charges::unconfirm_above(conn, chain_id, fork.number).await?;
    marketplace::event_repo::delete_above(conn, chain_id, fork.number).await?;
    let sales = marketplace_events(chain_id, &orphans);
    push(conn, &sales.iter().filter_map(Message::sale_reverted).collect::<Vec<_>>()).await?;
    push(conn, &retractions(chain_id, &projections, &orphans, fork.number)).await?;
    repo::move_cursor(conn, chain_id, fork).await?;
    Ok(Undone::Moved { depth: seen.number - fork.number, logs: orphans.len() })
}

async fn beyond(conn: &mut PgConnection, chain_id: ChainId, seen: &Cursor) -> sqlx::Result<MirrorError> {
    let oldest = repo::headers(conn, chain_id).await?.last().map_or(seen.number, |header| header.number);
    Ok(MirrorError::BeyondWindow { chain_id, oldest })
}

/// Event numbers have no gaps, so the last one left precedes the first one taken back.
async fn take_back_numbers(
    conn: &mut PgConnection,
    chain_id: ChainId,
    orphans: &[Read<'_>],
) -> Result<(), MirrorError> {
    let mut first = BTreeMap::<Address, i64>::new();
    for orphan in orphans {
        first.entry(orphan.log.address).or_insert(orphan.sequence);
    }
    for (address, sequence) in first {
        repo::set_sequence(conn, chain_id, address, sequence - 1).await?;
    }
    Ok(())
}

async fn refold(conn: &mut PgConnection, source: &Source, orphans: &[Read<'_>]) -> Result<Projections, MirrorError> {
    let chain_id = source.chain_id;
    let mut projections = Projections::touched(chain_id, orphans.iter().map(|read| &read.event));
    let (plans, keys, accounts) = (projections.plan_hashes(), projections.keys(), projections.accounts());
    let mut told_before = Effects::default();
    for log in repo::logs_about(conn, source, &plans, &keys, &accounts).await? {
        let read = read(source, &log)?;
        projections.fold(&read.event, read.point(chain_id), &mut told_before);
    }
    projections.store(conn, chain_id).await?;
    Ok(projections)
}

fn retractions(chain_id: ChainId, projections: &Projections, orphans: &[Read<'_>], fork: i64) -> Vec<Message> {
    let mut transactions = BTreeMap::<SubscriptionKey, Vec<B256>>::new();
    for orphan in orphans {
        if let Event::Subscription(event) = &orphan.event {
            let of_key = transactions.entry(event.key(chain_id)).or_default();
            if of_key.last() != Some(&orphan.log.tx_hash) {
                of_key.push(orphan.log.tx_hash);
            }
        }
    }
    let plans = projections
        .plans
        .iter()
        .map(|(hash, state)| state.as_ref().map_or_else(|| Message::plan_gone(chain_id, *hash), Message::plan_changed));
    let subscriptions = transactions.iter().map(|(key, orphans)| {
        let state = projections.subscriptions.get(key).and_then(|slot| slot.state.as_ref());
        Message::reverted(*key, state, fork, orphans)
    });
    plans.chain(subscriptions).collect()
}
