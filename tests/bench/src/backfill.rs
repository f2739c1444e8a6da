//! The whole chain at once: the limits of node and server, and the indexer beside them.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use bench::figures::{Goal, Report, float, median, megabytes};

use crate::{
    copy, drain,
    indexer::{Run, Setting},
    proxy::Proxy,
    site::{Site, progress},
};

/// Backfilling is about what is final; what is not, the live part is about.
const FINALITY_DEPTH: u64 = 1;

/// A history, and how its figures are called.
#[derive(Debug)]
pub struct History<'a> {
    site: &'a Site,
    blocks: u64,
    /// Logs of all contracts.
    events: u64,
    /// Blocks of one question for logs.
    range: u64,
}

/// One history in one round.
#[derive(Clone, Copy, Debug)]
struct Lap {
    drain: f64,
    decode: f64,
    copy: f64,
    ours: f64,
    run: Run,
}

impl<'a> History<'a> {
    pub async fn of(site: &'a Site) -> Result<Self> {
        let (blocks, counted) = (site.head().await?, site.events().await?);
        let range = drain::best_range(site, blocks, counted).await?;
        let events = u64::try_from(drain::decoded(site, blocks, range).await?)?;
        ensure!(events >= counted, "the node gives {events} logs of {counted} events");
        Ok(Self { site, blocks, events, range })
    }

    /// Everything once, one after the other, so that what disturbs the machine disturbs all alike.
    async fn lap(&self) -> Result<(Lap, Setting)> {
        let start = Instant::now();
        ensure!(drain::bytes(self.site, self.blocks, self.range).await? > 0, "the node gave nothing");
        let drained = start.elapsed();
        let start = Instant::now();
        drain::decoded(self.site, self.blocks, self.range).await?;
        let decoded = start.elapsed();
        let setting = Setting::new(&[&self.site.chain], FINALITY_DEPTH).await?;
        let run = setting.once().await?;
        let stored = setting.stored().await?;
        ensure!(stored == self.events, "{stored} logs of {} were mirrored", self.events);
        let copied = copy::limit(setting.pool()).await?;
        ensure!(copied.rows == self.events, "{} rows of {} were copied", copied.rows, self.events);
        let rate = |took: Duration| float(self.events) / took.as_secs_f64();
        let (drain, decode) = (rate(drained), rate(decoded));
        Ok((Lap { drain, decode, copy: rate(copied.took), ours: rate(run.wall), run }, setting))
    }
}

/// Measures both histories, and gives the last mirror of the first, for those who go on from it.
pub async fn measure(town: &Site, fountain: &Site, rounds: u32, report: &mut Report) -> Result<Setting> {
    let (charges, plain) = (History::of(town).await?, History::of(fountain).await?);
    let bar = progress("rounds", rounds.into())?;
    let (mut of_charges, mut of_plain) = (Vec::new(), Vec::new());
    let (first, mut mirror) = charges.lap().await?;
    of_charges.push(first);
    of_plain.push(plain.lap().await?.0);
    bar.inc(1);
    for _ in 1..rounds {
        // A mirror that is no longer needed takes the disk that the next one wants.
        mirror.database.close().await?;
        let (lap, setting) = charges.lap().await?;
        of_charges.push(lap);
        mirror = setting;
        of_plain.push(plain.lap().await?.0);
        bar.inc(1);
    }
    bar.finish();
    tell(&charges, "", Goal::AtLeast(0.5), &of_charges, report);
    let start_up = mirror.once().await?;
    report.tell("start_up", start_up.wall.as_secs_f64() * 1_000.0, "ms");
    report.tell("start_up_cpu", start_up.cpu.as_secs_f64() * 1_000.0, "ms");
    tell(&plain, "plain_", Goal::AtLeast(0.75), &of_plain, report);
    requests(&charges, report).await?;
    Ok(mirror)
}

fn tell(history: &History<'_>, kind: &str, wanted: Goal, laps: &[Lap], report: &mut Report) {
    let middle = |value: &dyn Fn(&Lap) -> f64| median(&laps.iter().map(value).collect::<Vec<_>>());
    let per_100k = |lap: &Lap| lap.run.cpu.as_secs_f64() * 100_000.0 / float(history.events);
    let worst = laps.iter().map(|lap| lap.run.peak).max().unwrap_or_default();
    report.tell(format!("{kind}events"), float(history.events), "");
    report.tell(format!("{kind}blocks"), float(history.blocks), "");
    report.tell(format!("{kind}drain_range"), float(history.range), "blocks");
    report.tell(format!("{kind}drain"), middle(&|lap| lap.drain), "events/s");
    report.tell(format!("{kind}decode"), middle(&|lap| lap.decode), "events/s");
    report.tell(format!("{kind}copy_limit"), middle(&|lap| lap.copy), "events/s");
    report.tell(format!("{kind}ours"), middle(&|lap| lap.ours), "events/s");
    // Of each round, so that a slow one is slow in both.
    report.hold(format!("{kind}ours_of_copy_limit"), middle(&|lap| lap.ours / lap.copy), "", wanted);
    report.tell(format!("{kind}ours_of_drain"), middle(&|lap| lap.ours / lap.drain), "");
    report.tell(format!("{kind}wall"), middle(&|lap| lap.run.wall.as_secs_f64()), "s");
    report.hold(format!("{kind}cpu"), middle(&per_100k), "s per 10^5", Goal::AtMost(0.8));
    report.hold(format!("{kind}peak_memory"), megabytes(worst), "MB", Goal::AtMost(120.0));
}

/// In runs of their own, since who stands between takes time. What a start asks is no part of a history's price.
async fn requests(history: &History<'_>, report: &mut Report) -> Result<()> {
    let url = history.site.chain.url();
    let proxy = Proxy::start(url.clone()).await?;
    let mut setting = Setting::new(&[&history.site.chain], FINALITY_DEPTH).await?;
    setting.replace(&url, &proxy.url)?;
    setting.once().await?;
    let counted = || {
        let counts = &proxy.counts;
        [&counts.requests, &counts.calls, &counts.log_queries].map(|count| count.load(Ordering::Relaxed))
    };
    let whole = counted();
    setting.once().await?;
    let [requests, calls, queries] = std::array::from_fn(|at| float(whole[at] - (counted()[at] - whole[at])));
    setting.database.close().await?;
    report.tell("rpc_requests", requests, "");
    report.tell("rpc_calls", calls, "");
    report.tell("rpc_start_requests", float(whole[0]) - requests, "");
    report.tell("rpc_range", float(history.blocks) / queries, "blocks");
    report.hold("rpc_requests_of_ranges", requests / queries, "", Goal::AtMost(1.1));
    Ok(())
}
