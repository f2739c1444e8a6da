//! Networks that stand still because their chain changed what was final.

use alloy::primitives::B256;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{
    Cursor, Header, MirrorError, Source, log_repo, repo,
    undo::{Undone, rewind_in_tx},
};
use crate::ids::ChainId;

/// Why a network stands still, until [`accept_branch`]. Nothing of it may be taken as final meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// For the operator.
    pub reason: String,
    /// When it was seen first.
    pub halted_at: OffsetDateTime,
}

/// Stops a network; a reason that is there already stays.
///
/// # Errors
/// The database's.
pub async fn halt(conn: &mut PgConnection, chain_id: ChainId, reason: &str) -> sqlx::Result<()> {
    repo::insert_halt(conn, chain_id, reason).await
}

/// Why the network stands still; `None` when it does not.
///
/// # Errors
/// The database's.
pub async fn halted(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<Halt>> {
    repo::halt(conn, chain_id).await
}

/// Blocks below `below` in which the mirror has logs, with their hashes, the highest first; where a fork below all stored
/// headers is looked for. Between two of them nothing of ours happened.
///
/// # Errors
/// The database's.
pub async fn logged_blocks(
    conn: &mut PgConnection,
    chain_id: ChainId,
    below: i64,
    limit: i64,
) -> sqlx::Result<Vec<(i64, B256)>> {
    log_repo::logged_blocks(conn, chain_id, below, limit).await
}

/// How many logs stand above a block.
///
/// # Errors
/// The database's.
pub async fn logs_above(conn: &mut PgConnection, chain_id: ChainId, block: i64) -> sqlx::Result<i64> {
    log_repo::logs_above(conn, chain_id, block).await
}

/// An operator's act: takes everything above `fork` back, however deep, and ends the halt. `fork` is a block of the node's
/// branch that the caller saw to agree with the mirror.
///
/// # Errors
/// As [`super::undo_to`], but never `BeyondWindow`.
pub async fn accept_branch(
    pool: &PgPool,
    source: &Source,
    seen: &Cursor,
    fork: &Header,
) -> Result<Undone, MirrorError> {
    let mut tx = pool.begin().await?;
    let undone = rewind_in_tx(&mut tx, source, seen, fork).await?;
    if matches!(undone, Undone::Moved { .. }) {
        repo::delete_halt(&mut tx, source.chain_id).await?;
        repo::unset_final(&mut tx, source.chain_id, fork.number).await?;
        tx.commit().await?;
    }
    Ok(undone)
}
