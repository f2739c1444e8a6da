//! Blocks out: a reorganisation below the cursor, one SQL transaction.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Cursor, Header, MirrorError, Source, feed, log_repo, numbers,
    projections::Projections,
    read::{Read, read},
    repo,
};
use crate::{charges, ids::ChainId, marketplace, outbox};

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

/// Takes everything above `fork_block` back, if the cursor still is `seen`: logs become orphans, headers and event
/// numbers go, projections are folded again from the logs that are left, charges confirmed there are confirmed no longer.
///
/// # Errors
/// `BeyondWindow` when the header of `fork_block` is not stored; the database's.
pub async fn undo_to(pool: &PgPool, source: &Source, seen: &Cursor, fork_block: i64) -> Result<Undone, MirrorError> {
    let chain_id = source.chain_id;
    let mut tx = pool.begin().await?;
    if repo::lock_cursor(&mut tx, chain_id).await?.map(|standing| standing.cursor) != Some(*seen) {
        return Ok(Undone::Stale);
    }
    let is_final = repo::final_block(&mut tx, chain_id).await?.is_some_and(|last_final| fork_block < last_final);
    let fork = repo::header_at(&mut tx, chain_id, fork_block).await?.filter(|_| !is_final);
    let Some(fork) = fork else {
        return Err(beyond(&mut tx, chain_id, seen).await?);
    };
    let undone = take_back(&mut tx, source, seen, &fork).await?;
    tx.commit().await?;
    Ok(undone)
}

/// Takes everything above `to` back, however deep, if the cursor still is `seen`: logs are missing behind it. `to` need not
/// be a stored header, but a block of the mirror's own branch.
///
/// # Errors
/// `Inconsistent` where the mirror has another block at that height; the database's.
pub async fn rewind(pool: &PgPool, source: &Source, seen: &Cursor, to: &Header) -> Result<Undone, MirrorError> {
    let mut tx = pool.begin().await?;
    let undone = rewind_in_tx(&mut tx, source, seen, to).await?;
    if matches!(undone, Undone::Moved { .. }) {
        tx.commit().await?;
    }
    Ok(undone)
}

pub(super) async fn rewind_in_tx(
    conn: &mut PgConnection,
    source: &Source,
    seen: &Cursor,
    to: &Header,
) -> Result<Undone, MirrorError> {
    if repo::lock_cursor(conn, source.chain_id).await?.map(|standing| standing.cursor) != Some(*seen) {
        return Ok(Undone::Stale);
    }
    if repo::header_at(conn, source.chain_id, to.number).await?.is_some_and(|stored| stored.hash != to.hash) {
        return Err(MirrorError::Inconsistent(format!(
            "block {} {} is not of the mirror's branch",
            to.number, to.hash
        )));
    }
    let undone = take_back(conn, source, seen, to).await?;
    repo::insert_headers(conn, source.chain_id, std::slice::from_ref(to)).await?;
    Ok(undone)
}

/// The cursor's row must be locked.
async fn take_back(
    conn: &mut PgConnection,
    source: &Source,
    seen: &Cursor,
    fork: &Header,
) -> Result<Undone, MirrorError> {
    let chain_id = source.chain_id;
    let undo_id = log_repo::insert_undo(conn, chain_id, fork, seen).await?;
    let logs = log_repo::orphan_above(conn, chain_id, fork.number, undo_id).await?;
    repo::delete_headers_above(conn, chain_id, fork.number).await?;
    let orphans = read(source, &logs)?;
    numbers::take_back(conn, chain_id, &orphans).await?;
    refold(conn, source, &orphans).await?;
    charges::unconfirm_above(conn, chain_id, fork.number).await?;
    marketplace::event_repo::delete_above(conn, chain_id, fork.number).await?;
    let told = json!({ "undo_id": undo_id, "fork_block": fork.number });
    outbox::push(conn, feed::REVERTED, &chain_id.to_string(), &told).await?;
    repo::move_cursor(conn, chain_id, fork, -1).await?;
    Ok(Undone::Moved { depth: seen.number - fork.number, logs: orphans.len() })
}

async fn beyond(conn: &mut PgConnection, chain_id: ChainId, seen: &Cursor) -> sqlx::Result<MirrorError> {
    let oldest = repo::headers(conn, chain_id).await?.last().map_or(seen.number, |header| header.number);
    Ok(MirrorError::BeyondWindow { chain_id, oldest })
}

async fn refold(conn: &mut PgConnection, source: &Source, orphans: &[Read]) -> Result<(), MirrorError> {
    let chain_id = source.chain_id;
    let mut projections = Projections::touched(chain_id, orphans);
    let (plans, keys, accounts) = (projections.plan_hashes(), projections.keys(), projections.accounts());
    for read in read(source, &log_repo::about(conn, chain_id, &plans, &keys, &accounts).await?)? {
        projections.fold(&read);
    }
    projections.store(conn, chain_id).await
}
