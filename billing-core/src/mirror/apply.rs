//! Blocks in: one SQL transaction a stretch.

use sqlx::PgPool;

use super::{Blocks, Cursor, MirrorError, Source, Stretch, staged::Staged};

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
pub async fn apply(pool: &PgPool, source: &Source, blocks: Blocks) -> Result<Applied, MirrorError> {
    Staged::new(pool, source, Stretch::read(source, blocks)?, None).await?.finish().await
}
