//! What the mirror must be.

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result, bail, ensure};
use billing_core::{
    ids::ChainId,
    mirror::{self, Applied, Blocks, Source},
    money::TokenAmount,
};
use sqlx::PgPool;
use test_support::{Database, Standing, Stretch};

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
        let last = simulated.chain.head().number - simulated.network.confirmations;
        let stretch = simulated.chain.stretch_to(last);
        let chain_id = simulated.network.chain_id;
        headers_are_canonical(mirror, chain_id, &stretch).await?;
        only_the_final_is_taken_as_final(mirror, simulated).await?;
        nothing_is_told_twice(mirror, chain_id).await?;
        contracts_agree(mirror, chain_id, &stretch.standing).await?;
        let folded = mirror::compare_folds(mirror, chain_id).await?;
        ensure!(folded.wrong.is_empty(), "projections are not what their logs say: {:#?}", folded.wrong);
        self.folds += 1;
        let fresh = ChainId(1_000_000_000 + self.folds);
        fold(self.database.pool(), &Source { chain_id: fresh, ..Source::from(&simulated.network) }, stretch).await?;
        let expected = Fold { pool: self.database.pool(), chain_id: fresh };
        Fold { pool: mirror, chain_id }.assert_is(expected).await
    }
}

async fn fold(pool: &PgPool, source: &Source, stretch: Stretch) -> Result<()> {
    let expected = stretch.logs.len();
    let blocks = Blocks::new(stretch.headers, stretch.logs, stretch.counts)?;
    match mirror::apply(pool, source, blocks).await? {
        Applied::Moved { logs, .. } => ensure!(logs == expected, "{logs} logs folded of {expected}"),
        other => bail!("a fresh fold is {other:?}"),
    }
    Ok(())
}

/// What the model of the contracts says of itself, no event in between.
async fn contracts_agree(pool: &PgPool, chain_id: ChainId, standing: &Standing) -> Result<()> {
    let rows: Vec<(Vec<u8>, Vec<u8>, bool, i64)> = sqlx::query_as(
        "select plan_hash, subscriber, status = 'paused', extract(epoch from next_charge_at)::bigint
           from billing_subscription_state
          where chain_id = $1 and status in ('active', 'paused')
          order by plan_hash, subscriber",
    )
    .bind(chain_id)
    .fetch_all(pool)
    .await?;
    let subscriptions = rows.iter().map(|(plan, who, paused, paid_until)| {
        (B256::from_slice(plan), Address::from_slice(who), *paused, *paid_until)
    });
    let deposits: Vec<(Vec<u8>, TokenAmount)> =
        sqlx::query_as("select account, balance from billing_native_deposit where chain_id = $1 order by account")
            .bind(chain_id)
            .fetch_all(pool)
            .await?;
    let deposits = deposits.iter().map(|(account, balance)| (Address::from_slice(account), balance.0));
    let mirrored = Standing { subscriptions: subscriptions.collect(), deposits: deposits.collect() };
    ensure!(mirrored == *standing, "the mirror has {mirrored:#?}\nthe contracts {standing:#?}");
    Ok(())
}

async fn headers_are_canonical(pool: &PgPool, chain_id: ChainId, stretch: &Stretch) -> Result<()> {
    for stored in mirror::headers(&mut *pool.acquire().await?, chain_id).await? {
        let canonical = stretch.headers.get(usize::try_from(stored.number)?);
        ensure!(canonical == Some(&stored), "stored header {stored:?}, on the chain {canonical:?}");
    }
    Ok(())
}

async fn only_the_final_is_taken_as_final(pool: &PgPool, simulated: &Simulated) -> Result<()> {
    let sql = "select final_block from chain_cursor where chain_id = $1";
    let taken: i64 = sqlx::query_scalar(sql).bind(simulated.network.chain_id).fetch_one(pool).await?;
    let last_final = i64::try_from(simulated.chain.finalized())?;
    ensure!(taken <= last_final, "block {taken} is taken as final, block {last_final} is the last that is");
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
