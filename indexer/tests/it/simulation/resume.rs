//! How soon another replica goes on.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::{PgPool, postgres::PgConnectOptions};
use test_support::{Database, Traffic};

use super::{
    expected::Expected,
    network::{Kind, Simulated},
    quiet::Wait,
    replica::Replica,
};

const KILLS: usize = 20;
const KIND: Kind = Kind { nodes: 1, log_times: true, finality: 64, confirmations: 0, traffic: Traffic::HEAVY };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_goes_on_soon_after_the_leader_is_gone() -> Result<()> {
    let mut random = StdRng::seed_from_u64(7);
    let simulated = Simulated::start("alpha", 31_337, 7, KIND).await?;
    let database = Database::new().await;
    let networks = [simulated.network.clone()];
    let (pool, options) = (database.pool(), PgConnectOptions::from_str(database.url())?);
    let (mut leader, mut standby) = (Replica::default(), Replica::default());
    leader.ensure(options.clone(), &networks).await?;
    next_row(&simulated, pool).await?;
    standby.ensure(options.clone(), &networks).await?;

    let mut waits = Vec::new();
    for _ in 0..KILLS {
        simulated.chain.append(random.random_range(1..4), Traffic::HEAVY);
        tokio::time::sleep(Duration::from_millis(random.random_range(250..320))).await;
        leader.kill().await;
        waits.push(next_row(&simulated, pool).await.with_context(|| format!("after {} kills", waits.len()))?);
        std::mem::swap(&mut leader, &mut standby);
        standby.ensure(options.clone(), &networks).await?;
    }

    waits.sort_unstable();
    let (median, longest) = (waits[KILLS / 2], waits[KILLS - 1]);
    eprintln!("first new row after the leader's end: {median:?} in the median of {KILLS}, {longest:?} at most");
    assert!(longest < Duration::from_secs(5), "{waits:?}");
    Wait::new(pool).until_over(std::slice::from_ref(&simulated)).await?;
    leader.kill().await;
    standby.kill().await;
    Expected::new().await.assert_holds(pool, &simulated).await
}

/// Mines until a log more is mirrored; how long that took.
async fn next_row(simulated: &Simulated, pool: &PgPool) -> Result<Duration> {
    let (begun, before) = (Instant::now(), rows(pool).await?);
    simulated.chain.append(1, Traffic::HEAVY);
    while rows(pool).await? <= before {
        ensure!(begun.elapsed() < Duration::from_secs(30), "nobody goes on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(begun.elapsed())
}

async fn rows(pool: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from chain_log").fetch_one(pool).await?)
}
