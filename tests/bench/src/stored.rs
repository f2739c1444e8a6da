//! What an event costs when many are stored already: stretches through the mirror's own door, which the indexer uses.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use billing_core::mirror::{self, Applied, Blocks};
use indicatif::ProgressBar;
use sqlx::Executor;
use test_support::Database;

use bench::figures::{Goal, Report, float, median};

use crate::{
    process,
    site::progress,
    synthetic::{SOURCE, STRETCH, stretch},
};

/// Events stored before.
const MARKS: [u64; 3] = [100_000, 1_000_000, 10_000_000];
/// Stretches measured in one turn of one store.
const TURN: u64 = 8;
/// Turns of each store; they alternate, so that what disturbs the machine disturbs all alike.
const TURNS: usize = 5;

/// A database with so many events, and what one more cost.
#[derive(Debug)]
struct Store {
    mark: u64,
    database: Database,
    days: u64,
    /// Microseconds of an event, by the median stretch of each turn.
    walls: Vec<f64>,
    /// Microseconds of an event, of this process, of each turn.
    cpus: Vec<f64>,
}

/// For each mark up to `most`.
pub async fn measure(most: u64, report: &mut Report) -> Result<()> {
    let marks: Vec<u64> = MARKS.into_iter().filter(|mark| *mark <= most).collect();
    ensure!(!marks.is_empty(), "--stored takes {} or more", MARKS[0]);
    let bar = progress("stored", marks.iter().sum())?;
    let mut stores = Vec::new();
    for mark in marks {
        stores.push(Store::fill(mark, &bar).await?);
    }
    bar.finish();
    for _ in 0..TURNS {
        for store in &mut stores {
            store.turn().await?;
        }
    }
    tell(&stores, report);
    for store in stores {
        store.database.close().await?;
    }
    Ok(())
}

impl Store {
    async fn fill(mark: u64, bar: &ProgressBar) -> Result<Self> {
        let database = Database::create(&billing_core::MIGRATOR).await?;
        let mut store = Self { mark, database, days: 0, walls: Vec::new(), cpus: Vec::new() };
        for day in 0..mark / STRETCH {
            store.apply(stretch(day)?).await?;
            store.days += 1;
            bar.inc(STRETCH);
        }
        // As a database that is in use has it done by itself.
        store.database.pool().execute("vacuum analyze").await?;
        Ok(store)
    }

    async fn turn(&mut self) -> Result<()> {
        self.database.pool().execute("checkpoint").await?;
        let stretches = (self.days..self.days + TURN).map(stretch).collect::<Result<Vec<_>>>()?;
        let (mut walls, before) = (Vec::new(), process::cpu(std::process::id())?);
        for blocks in stretches {
            walls.push(micros(self.apply(blocks).await?, STRETCH));
        }
        self.cpus.push(micros(process::cpu(std::process::id())? - before, TURN * STRETCH));
        self.walls.push(median(&walls));
        self.days += TURN;
        Ok(())
    }

    async fn apply(&self, blocks: Blocks) -> Result<Duration> {
        let (expected, start) = (blocks.logs().len(), Instant::now());
        let applied = mirror::apply(self.database.pool(), &SOURCE, blocks).await?;
        let took = start.elapsed();
        ensure!(matches!(applied, Applied::Moved { logs, .. } if logs == expected), "{applied:?}");
        Ok(took)
    }
}

fn micros(took: Duration, events: u64) -> f64 {
    took.as_secs_f64() * 1_000_000.0 / float(events)
}

fn tell(stores: &[Store], report: &mut Report) {
    let Some(first) = stores.first() else { return };
    for store in stores {
        report.tell(format!("stored_{}_wall", store.mark), median(&store.walls), "us/event");
        report.tell(format!("stored_{}_cpu", store.mark), median(&store.cpus), "us/event");
    }
    for store in &stores[1..] {
        let ratio = |of: &[f64], to: &[f64]| median(&of.iter().zip(to).map(|(of, to)| of / to).collect::<Vec<_>>());
        let (wall, cpu) = (ratio(&store.walls, &first.walls), ratio(&store.cpus, &first.cpus));
        report.hold(format!("stored_{}_wall_ratio", store.mark), wall, "", Goal::AtMost(1.15));
        report.hold(format!("stored_{}_cpu_ratio", store.mark), cpu, "", Goal::AtMost(1.15));
    }
}
