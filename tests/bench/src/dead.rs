//! Five networks by one process: whether four of them feel that the fifth's only node is gone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use test_support::Chain;
use tokio::time::interval;

use bench::figures::{Goal, Report, float, percentile};

use crate::{
    fountain::Fountain,
    indexer::Setting,
    site::progress,
    watch::{Watch, lags},
};

const FIRST_CHAIN: u64 = 41_001;
const NETWORKS: u64 = 5;
/// Networks whose nodes never die.
const SURVIVORS: usize = 4;
const EVENTS_PER_BLOCK: u64 = 20;
/// Between two blocks of a network; they take turns.
const BLOCK: Duration = Duration::from_millis(200);
const FINALITY_DEPTH: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(60);
/// After the node went or came, until lags count: a connection may break once.
const SETTLING: Duration = Duration::from_secs(3);

/// Lags of the four while the fifth lives and while it is dead, in turns, for `seconds` each.
pub async fn measure(rounds: u32, seconds: u64, report: &mut Report) -> Result<()> {
    let opened = (0..NETWORKS).map(|at| Fountain::open(FIRST_CHAIN + at));
    let mut fountains = try_join_all(opened).await?;
    let mut last = fountains.pop().context("a network to kill")?;
    let chains: Vec<&Chain> = fountains.iter().chain([&last]).map(|fountain| &fountain.site.chain).collect();
    let setting = Setting::new(&chains, FINALITY_DEPTH).await?;
    let watch = Watch::start(setting.database.url()).await?;
    let child = setting.start(&[])?;
    let bar = progress("a dead node", u64::from(rounds) * 2)?;
    let (mut alive, mut dead) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let everybody: Vec<&Fountain> = fountains.iter().chain([&last]).collect();
        alive.extend(phase(&everybody, &watch, seconds).await.with_context(|| setting.said())?);
        bar.inc(1);
        last.site.chain.kill().await?;
        let others: Vec<&Fountain> = fountains.iter().collect();
        dead.extend(phase(&others, &watch, seconds).await.with_context(|| setting.said())?);
        last.site.chain.restart().await?;
        last.site.prepare().await?;
        bar.inc(1);
    }
    bar.finish();
    drop(child);
    let (with, without) = (percentile(&alive, 95), percentile(&dead, 95));
    report.tell("networks_blocks", float(alive.len() as u64), "");
    report.tell("networks_lag_p50_all_alive", percentile(&alive, 50), "ms");
    report.tell("networks_lag_p50_one_dead", percentile(&dead, 50), "ms");
    report.tell("networks_lag_p95_all_alive", with, "ms");
    report.tell("networks_lag_p95_one_dead", without, "ms");
    report.hold("networks_lag_p95_ratio", without / with, "", Goal::AtMost(1.1));
    setting.database.close().await
}

/// Blocks on all of these in turns, all of which are mirrored; the lags of those whose nodes never die.
async fn phase(fountains: &[&Fountain], watch: &Watch, seconds: u64) -> Result<Vec<f64>> {
    let mut heads = try_join_all(fountains.iter().map(|fountain| fountain.site.head())).await?;
    let mut mined = vec![Vec::new(); fountains.len()];
    let mut turns = interval(BLOCK / u32::try_from(NETWORKS)?);
    let start = Instant::now();
    while start.elapsed() < SETTLING + Duration::from_secs(seconds) {
        for at in 0..usize::try_from(NETWORKS)? {
            turns.tick().await;
            let Some(fountain) = fountains.get(at) else { continue };
            fountain.emit(EVENTS_PER_BLOCK).await?;
            fountain.site.mine().await?;
            heads[at] += 1;
            if start.elapsed() > SETTLING {
                mined[at].push((heads[at], Instant::now()));
            }
        }
    }
    let mut all = Vec::new();
    for (at, (fountain, mined)) in fountains.iter().zip(&mined).enumerate() {
        let chain_id = fountain.site.chain.chain_id();
        let last = mined.last().context("no time for a block")?.0;
        watch.wait(chain_id, last, PATIENCE).await?;
        if at < SURVIVORS {
            all.extend(lags(watch, chain_id, mined));
        }
    }
    Ok(all)
}
