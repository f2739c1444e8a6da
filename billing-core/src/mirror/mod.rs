//! The mirror of the chains: blocks in, logs and projections stored; the only room that knows all projections.
//!
//! Invariant: cursor, logs and projections move in one SQL transaction, and each contract's event numbers follow without
//! a gap. The cursor's row lock and hash make two writers of one chain take turns; whoever comes late is told so.

mod apply;
pub mod blocks;
mod copy;
mod core_event;
mod error;
pub mod event;
pub mod feed;
mod gateway_event;
mod halt;
mod lease;
mod log_repo;
mod log_row;
mod market_event;
mod messages;
mod numbers;
mod projections;
mod read;
mod refold;
mod repo;
mod staged;
mod undo;
mod verify;

pub use apply::{Applied, apply};
pub use blocks::{Blocks, Cursor, EventCount, Header, RawLog, Source};
pub use core_event::CoreEvent;
pub use error::MirrorError;
use event::Event;
pub use gateway_event::GatewayChange;
pub use halt::{Halt, accept_branch, halt, halted, logged_blocks, logs_above};
pub use lease::Lease;
pub use read::Stretch;
pub use refold::{FOLD_VERSION, Refolded, compare_folds, is_outdated, missing_events, reindex};
pub use repo::CursorVersion;
pub use staged::Staged;
pub use undo::{Undone, rewind, undo_to};
pub use verify::{Difference, Verified, verify};

use alloy::primitives::Address;
use sqlx::PgConnection;

use crate::ids::ChainId;

/// Where the mirror of a chain stands; `None` before its first block.
///
/// # Errors
/// The database's.
pub async fn cursor(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<Cursor>> {
    repo::cursor(conn, chain_id).await
}

/// All stored headers, the highest first: where a fork is looked for.
///
/// # Errors
/// The database's.
pub async fn headers(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<Header>> {
    repo::headers(conn, chain_id).await
}

/// Block of the last stored log of a contract; `None` when it has none.
///
/// # Errors
/// The database's.
pub async fn last_logged_block(
    conn: &mut PgConnection,
    chain_id: ChainId,
    contract: Address,
) -> sqlx::Result<Option<i64>> {
    log_repo::last_block_of(conn, chain_id, contract).await
}
