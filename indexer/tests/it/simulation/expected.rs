//! What the mirror must be.

use anyhow::{Context, Result, ensure};
use billing_core::{
    ids::ChainId,
    mirror::{self, Applied, Blocks, Source},
};
use sqlx::PgPool;
use test_support::{Database, Stretch};

use super::{fold::Fold, network::Simulated};

/// A database in which chains are folded from their first block on, each time under another chain id.
pub struct Expected {
    database: Database,
    folds: i64,
}

impl Expected {
    pub async fn new() -> Self {
        Self { database: Database::new().await, folds: 0 }
    }

    /// The mirror of the network is a fresh fold of its chain up to the block where it must stand, and tells nothing
    /// else.
    pub async fn assert_holds(&mut self, mirror: &PgPool, simulated: &Simulated) -> Result<()> {
        let stretch = simulated.chain.stretch();
        let chain_id = simulated.network.chain_id;
        headers_are_canonical(mirror, chain_id, &stretch).await?;
        nothing_is_told_twice(mirror, chain_id).await?;
        self.folds += 1;
        let fresh = ChainId(1_000_000_000 + self.folds);
        let last = stretch.headers.len() - 1 - usize::try_from(simulated.network.confirmations)?;
        fold(self.database.pool(), Source { chain_id: fresh, ..Source::from(&simulated.network) }, stretch, last)
            .await?;
        let expected = Fold { pool: self.database.pool(), chain_id: fresh };
        Fold { pool: mirror, chain_id }.assert_is(expected).await
    }
}

async fn fold(pool: &PgPool, source: Source, stretch: Stretch, last: usize) -> Result<()> {
    let Stretch { mut headers, mut logs, mut counts } = stretch;
    if last + 1 < headers.len() {
        headers.truncate(last + 1);
        counts.clear();
        logs.retain(|log| log.block_number <= headers[last].number);
    }
    let expected = logs.len();
    match mirror::apply(pool, &source, &Blocks::new(headers, logs, counts)?).await? {
        Applied::Moved { logs, .. } => ensure!(logs == expected, "{logs} logs folded of {expected}"),
        other => anyhow::bail!("a fresh fold is {other:?}"),
    }
    Ok(())
}

async fn headers_are_canonical(pool: &PgPool, chain_id: ChainId, stretch: &Stretch) -> Result<()> {
    for stored in mirror::headers(&mut *pool.acquire().await?, chain_id).await? {
        let canonical = stretch.headers.get(usize::try_from(stored.number)?);
        ensure!(canonical == Some(&stored), "stored header {stored:?}, on the chain {canonical:?}");
    }
    Ok(())
}

/// Logs told, less those taken back, are the logs that are there, and those taken back are all kept.
async fn nothing_is_told_twice(pool: &PgPool, chain_id: ChainId) -> Result<()> {
    let (told, undone, orphans, logs, halted): (i64, i64, i64, i64, bool) = sqlx::query_as(
        "select (select coalesce(sum((payload ->> 'logs')::bigint), 0)::bigint from outbox
                  where topic = 'billing.chain.advanced.v1' and key = $1::text),
                (select coalesce(sum(logs), 0)::bigint from chain_undo where chain_id = $1),
                (select count(*) from chain_log_orphan where chain_id = $1),
                (select count(*) from chain_log where chain_id = $1),
                exists (select from chain_halt where chain_id = $1)",
    )
    .bind(chain_id)
    .fetch_one(pool)
    .await
    .context("counting what was told")?;
    ensure!(!halted, "chain {chain_id} is halted");
    ensure!(undone == orphans, "{undone} logs taken back, {orphans} kept as orphans");
    ensure!(told - undone == logs, "{told} logs told, {undone} taken back, {logs} there");
    Ok(())
}
