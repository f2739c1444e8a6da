//! Clients of the ledger, its keeper and its database are killed at random for a while. Then everything must be as if they
//! had not been.

mod answers;
mod laws;
mod world;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use billing_core::ledger;

use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn laws_hold_while_clients_and_the_database_are_killed() -> Result<()> {
    let lasting = Duration::from_secs(number("ABONO_DRILL_SECONDS")?.unwrap_or(10));
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let seed = number("ABONO_DRILL_SEED")?.unwrap_or_else(clock);
    drill(lasting, seed).await.with_context(|| format!("ABONO_DRILL_SEED={seed}"))
}

async fn drill(lasting: Duration, seed: u64) -> Result<()> {
    let mut world = World::start(seed).await?;
    world.kill_for(lasting).await?;
    world.settle().await?;
    let pool = world.pool().await?;
    laws::hold(&pool).await?;
    while ledger::seal(&pool, 10_000).await?.is_some() {}
    let verified = ledger::verify(&pool, |_| {}).await?;
    ensure!(verified.differences.is_empty() && verified.sealed == verified.transfers, "{verified:?}");
    let answers = answers::stand(&pool, world.folder()).await?;
    eprintln!("{}; {answers}", world.figures());
    Ok(())
}

fn number(variable: &str) -> Result<Option<u64>> {
    let set = std::env::var(variable).ok().filter(|value| !value.is_empty());
    set.map(|value| value.parse().with_context(|| format!("{variable}={value}"))).transpose()
}
