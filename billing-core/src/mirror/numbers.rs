//! The numbers of contracts' events: without a gap, forth and back.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use sqlx::PgConnection;

use super::{EventCount, MirrorError, read::Read, repo};
use crate::ids::ChainId;

/// Every contract's events follow its last one, and up to the stretch's last block they are as many as it says itself.
pub(super) async fn advance(
    conn: &mut PgConnection,
    chain_id: ChainId,
    reads: &[Read],
    counts: &[EventCount],
    last_block: i64,
) -> Result<(), MirrorError> {
    let before: BTreeMap<Address, i64> = repo::sequences(conn, chain_id).await?.into_iter().collect();
    let mut now = before.clone();
    let gap =
        |address, last: i64, found, block| MirrorError::Gap { chain_id, address, expected: last + 1, found, block };
    for read in reads {
        let last = now.entry(read.address).or_default();
        if read.sequence != *last + 1 {
            return Err(gap(read.address, *last, read.sequence, read.at.block_number));
        }
        *last = read.sequence;
    }
    for count in counts {
        let last = now.get(&count.address).copied().unwrap_or_default();
        if count.count > last {
            return Err(gap(count.address, last, count.count, last_block));
        }
    }
    now.retain(|address, last| before.get(address) != Some(last));
    repo::set_sequences(conn, chain_id, &now.into_iter().collect::<Vec<_>>()).await?;
    Ok(())
}

/// Event numbers have no gaps, so the last one left precedes the first one taken back.
pub(super) async fn take_back(conn: &mut PgConnection, chain_id: ChainId, orphans: &[Read]) -> sqlx::Result<()> {
    let mut first = BTreeMap::<Address, i64>::new();
    for orphan in orphans {
        first.entry(orphan.address).or_insert(orphan.sequence);
    }
    let last: Vec<_> = first.into_iter().map(|(address, sequence)| (address, sequence - 1)).collect();
    repo::set_sequences(conn, chain_id, &last).await
}
