//! Seals: long after it was written, each stretch of transfers is bound to all before it, and told to the tables that are read
//! by account.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use super::{
    super::LedgerError,
    digest::{KEPT, seal_hash},
    seal_repo,
};

/// Transfers of one seal at most.
const MOST: i64 = 20_000;
/// How often it looks whether older transactions are over.
const LOOKS: u32 = 25;
/// Between the first two looks; doubled from one to the next.
const PAUSE: Duration = Duration::from_millis(1);
/// Between two looks at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A seal that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its number, from 1.
    pub number: i64,
    /// The first position that it covers.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// Transfers between them.
    pub transfers: u64,
    /// Stands for them and all before.
    pub hash: [u8; 32],
}

/// Seals the next transfers, up to `most` (1 to 20,000), in the order of their positions. `None`: there are none, somebody else
/// seals, or a transaction that may still write before them is under way for more than a second.
///
/// # Errors
/// The database's; then nothing was sealed.
pub async fn seal(pool: &PgPool, most: i64) -> Result<Option<Sealed>, LedgerError> {
    let mut tx = pool.begin().await?;
    if !seal_repo::lock(&mut tx).await? {
        return Ok(None);
    }
    let before = seal_repo::latest(&mut tx).await?;
    let edge = seal_repo::last_position(&mut tx).await?;
    if edge <= before.last {
        return Ok(None);
    }
    seal_repo::take_transaction_id(&mut tx).await?;
    if !others_ended(&mut tx).await? {
        return Ok(None);
    }
    let rows = seal_repo::rows_after(&mut tx, before.last, edge, most.clamp(1, MOST)).await?;
    let Some(end) = rows.last() else { return Ok(None) };
    let digests: Vec<_> = rows.iter().map(|row| row.digest()).collect();
    let (number, first, last) = (before.number + 1, before.last + 1, end.position);
    let hash = seal_hash(&before.hash, number, last, &digests);
    let sealed = Sealed { number, first, last, transfers: rows.len() as u64, hash };
    let kept: Vec<u8> = digests.iter().flat_map(|digest| &digest[..KEPT]).copied().collect();
    seal_repo::insert(&mut tx, &sealed, &kept).await?;
    seal_repo::insert_changes(&mut tx, first, last).await?;
    tx.commit().await?;
    Ok(Some(sealed))
}

/// Waits a second for the transactions that began to write before this one.
async fn others_ended(conn: &mut PgConnection) -> Result<bool, LedgerError> {
    let mut pause = PAUSE;
    for _ in 0..LOOKS {
        if seal_repo::is_oldest(conn).await? {
            return Ok(true);
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    Ok(false)
}
