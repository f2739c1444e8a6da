//! How long after a block is mined its rows can be read, while a thousand events come a second.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use test_support::Child;
use tokio::time::{MissedTickBehavior, interval};

use bench::figures::{Goal, Report, float, megabytes, percentile};

use crate::{
    indexer::Setting,
    process,
    proxy::Proxy,
    pulse::Pulse,
    site::progress,
    town::Town,
    watch::{Watch, lags},
};

/// Divides the members of a town, so that no block is cut short by the end of a day.
const EVENTS_PER_BLOCK: u64 = 200;
const BLOCK: Duration = Duration::from_millis(200);
/// What the networks file of the product's own tests has.
const FINALITY_DEPTH: &str = "finality_depth = 64";
/// An indexer that is this far behind is no longer waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long requests are counted.
const COUNTED: Duration = Duration::from_secs(15);

/// Blocks that were made, and the indexer's memory meanwhile.
#[derive(Debug, Default)]
struct Production {
    mined: Vec<(u64, Instant)>,
    events: u64,
    took: Duration,
    /// kB.
    memory: Vec<u64>,
}

/// Follows the chain with a mirror that has caught up, for this long.
pub async fn measure(town: &mut Town, setting: &mut Setting, time: Duration, report: &mut Report) -> Result<()> {
    setting.replace("finality_depth = 1", FINALITY_DEPTH)?;
    let watch = Watch::start(setting.database.url()).await?;
    let child = setting.start(&[])?;
    warm_up(town, &watch).await.with_context(|| setting.said())?;
    let before = process::cpu(child.id())?;
    let pulse = Pulse::start(setting.database.url(), &town.site.chain.url()).await?;
    let made = produce(town, &child, time).await?;
    pulse.tell(report);
    let last = made.mined.last().context("no time to follow")?.0;
    watch.wait(town.site.chain.chain_id(), last, PATIENCE).await.with_context(|| setting.said())?;
    let cpu = process::cpu(child.id())? - before;
    drop(child);
    tell(&made, &lags(&watch, town.site.chain.chain_id(), &made.mined), cpu, report);
    requests(town, setting, &watch, report).await
}

/// Until one block was mirrored: a start is no lag.
async fn warm_up(town: &mut Town, watch: &Watch) -> Result<()> {
    town.charge(EVENTS_PER_BLOCK).await?;
    town.site.mine().await?;
    watch.wait(town.site.chain.chain_id(), town.site.head().await?, PATIENCE).await
}

async fn produce(town: &mut Town, child: &Child, time: Duration) -> Result<Production> {
    let (mut made, mut head) = (Production::default(), town.site.head().await?);
    let bar = progress("live seconds", time.as_secs())?;
    let mut ticks = interval(BLOCK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let start = Instant::now();
    while start.elapsed() < time {
        ticks.tick().await;
        made.events += town.charge(EVENTS_PER_BLOCK).await?;
        town.site.mine().await?;
        head += 1;
        made.mined.push((head, Instant::now()));
        made.memory.extend(process::memory(child.id()).map(|memory| memory.now));
        bar.set_position(start.elapsed().as_secs());
    }
    made.took = start.elapsed();
    bar.finish();
    Ok(made)
}

fn tell(made: &Production, lags: &[f64], cpu: Duration, report: &mut Report) {
    let fifth = made.memory.len() / 5;
    let most = |memory: &[u64]| megabytes(memory.iter().copied().max().unwrap_or_default());
    let (first, last) = (most(&made.memory[..fifth]), most(&made.memory[made.memory.len() - fifth..]));
    report.tell("live_blocks", float(lags.len() as u64), "");
    let rate = float(made.events) / made.took.as_secs_f64();
    report.hold("live_rate", rate, "events/s", Goal::AtLeast(950.0));
    report.tell("live_lag_p50", percentile(lags, 50), "ms");
    report.hold("live_lag_p95", percentile(lags, 95), "ms", Goal::AtMost(150.0));
    report.tell("live_lag_max", percentile(lags, 100), "ms");
    report.tell("live_cpu", cpu.as_secs_f64() * 100_000.0 / float(made.events), "s per 10^5");
    report.hold("live_memory", last, "MB", Goal::AtMost(120.0));
    report.hold("live_memory_growth", last / first, "", Goal::AtMost(1.1));
}

/// In a run of its own: who stands between adds to the lag.
async fn requests(town: &mut Town, setting: &mut Setting, watch: &Watch, report: &mut Report) -> Result<()> {
    let url = town.site.chain.url();
    let proxy = Proxy::start(url.clone()).await?;
    setting.replace(&url, &proxy.url)?;
    let child = setting.start(&[])?;
    warm_up(town, watch).await.with_context(|| setting.said())?;
    let counted = || [&proxy.counts.requests, &proxy.counts.calls].map(|count| count.load(Ordering::Relaxed));
    let before = counted();
    let made = produce(town, &child, COUNTED).await?;
    let after = counted();
    let [requests, calls] = std::array::from_fn(|at| float(after[at] - before[at]) / made.mined.len() as f64);
    report.tell("live_requests_per_block", requests, "");
    report.tell("live_calls_per_block", calls, "");
    setting.replace(&proxy.url, &url)
}
