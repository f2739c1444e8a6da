//! The marketplace's rows, one for each of its events, in chain order.

use billing_bindings::Marketplace::MarketplaceEvents;
use sqlx::{PgConnection, PgPool};

use super::{Pass, Refolded, fold_repo, require_cursor};
use crate::{
    ids::ChainId,
    marketplace::{PlacedEvent, event_repo},
    mirror::{
        MirrorError,
        read::{marketplace_events, read_stored},
    },
};

/// Events of one batch.
const BATCH: usize = 1_000;

/// Compares or replaces the rows, some blocks at a time.
pub(super) async fn pass(
    pool: &PgPool,
    chain_id: ChainId,
    pass: Pass,
    found: &mut Refolded,
) -> Result<(), MirrorError> {
    let mut from = 0;
    loop {
        let mut tx = pool.begin().await?;
        require_cursor(&mut tx, chain_id).await?;
        let logs = fold_repo::of_kinds(&mut tx, chain_id, from, MarketplaceEvents::SELECTORS, BATCH).await?;
        let to = logs.last().filter(|_| logs.len() >= BATCH).map_or(i64::MAX, |last| last.block_number);
        let reads = read_stored(chain_id, &logs)?;
        found.entities += reads.len();
        if replace(&mut tx, chain_id, (from, to), &marketplace_events(&reads)).await? {
            found
                .wrong
                .push(format!("sales and revocations from block {from} on: their rows are not what their logs say"));
            if pass == Pass::Replace {
                tx.commit().await?;
            }
        }
        if to == i64::MAX {
            return Ok(());
        }
        from = to + 1;
    }
}

/// Whether the rows were others before.
async fn replace(
    conn: &mut PgConnection,
    chain_id: ChainId,
    blocks: (i64, i64),
    events: &[PlacedEvent],
) -> sqlx::Result<bool> {
    let before = event_repo::digest(conn, chain_id, blocks).await?;
    event_repo::delete_within(conn, chain_id, blocks).await?;
    event_repo::insert(conn, events).await?;
    Ok(event_repo::digest(conn, chain_id, blocks).await? != before)
}
