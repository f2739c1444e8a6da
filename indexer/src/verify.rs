//! The mirror against the contracts, and against itself.

use std::io::Write;

use anyhow::{Context, bail};
use billing_core::{
    chain::Network,
    mirror::{self, Verified},
};
use sqlx::PgPool;

use crate::start;

/// Compares the mirror of each network with the contracts at the mirror's block, its logs with their numbers, its
/// projections with its logs; writes the result as text.
///
/// # Errors
/// As [`crate::run`] at start; a difference; a node without the state of that block.
pub async fn verify(pool: &PgPool, networks: Vec<Network>, mut out: impl Write) -> anyhow::Result<()> {
    let mut found = 0;
    for rpc in start::open_all(pool, &networks).await? {
        let name = &rpc.network.name;
        let Verified { cursor, plans, subscriptions, deposits, sales, differences } =
            mirror::verify(pool, &rpc).await.with_context(|| format!("network {name}"))?;
        let chain_id = rpc.network.chain_id;
        let missing = mirror::missing_events(&mut *pool.acquire().await?, chain_id).await?;
        let folds = mirror::compare_folds(pool, chain_id).await.with_context(|| format!("network {name}"))?;
        let wrong = differences.len() + missing.len() + folds.wrong.len();
        writeln!(
            out,
            "{name}: block {}: {plans} plans, {subscriptions} subscriptions, {deposits} deposits, {sales} sales and revocations, {wrong} differences",
            cursor.number,
        )?;
        let differences = differences.iter().map(ToString::to_string);
        for difference in differences.chain(missing).chain(folds.wrong) {
            writeln!(out, "  {difference}")?;
        }
        found += wrong;
    }
    if found > 0 {
        bail!(
            "the mirror differs in {found} facts; `billing-indexer reindex` mends rows that are not what their logs say, \
             and a missing log is read again when its contract emits the next event"
        );
    }
    Ok(())
}
