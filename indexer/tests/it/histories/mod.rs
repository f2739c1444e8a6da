//! Histories at random, each from a seed: people act, branches go and come, nodes misbehave, programs are killed. After each
//! the mirror has row for row what a mirror made at once has, and says what the contracts say.
//!
//! `ABONO_TEST_SEED=17` runs that one alone; `ABONO_TEST_HISTORIES=1000` runs as many in all.

mod books;
mod calls;
mod faults;
mod history;
mod mirrors;
mod stage;

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use books::Books;
use history::{Counts, Kind, run};
use stage::Stage;

/// Histories of all tests together.
const HISTORIES: u64 = 300;
/// Histories on one node: after some more than a thousand blocks made and taken back, anvil loses its state.
const NODE_LIVES: u64 = 8;

fn number(variable: &str) -> Result<Option<u64>> {
    let set = std::env::var(variable).ok();
    set.map(|text| text.parse().with_context(|| format!("{variable} is no number: {text}"))).transpose()
}

/// Runs `share` of a hundred of all histories, from the seed `first` on.
async fn histories(name: &str, first: u64, share: u64, kind: Kind) -> Result<()> {
    let seeds = match number("ABONO_TEST_SEED")? {
        Some(seed) => seed..seed + 1,
        None => first..first + (number("ABONO_TEST_HISTORIES")?.unwrap_or(HISTORIES) * share).div_ceil(100),
    };
    let alone = seeds.end - seeds.start == 1;
    let mut stages = Vec::new();
    let books = Books::new().await;
    let (mut sum, begun, of) = (Counts::default(), Instant::now(), seeds.end - seeds.start);
    for (seed, number) in seeds.zip(0_u64..) {
        if number.is_multiple_of(NODE_LIVES) {
            stages = stages_of(kind).await?;
        }
        let again = || format!("again: ABONO_TEST_SEED={seed} cargo nextest run -p billing-indexer histories::{name}");
        let counts = run(seed, kind, &mut stages, &books).await.with_context(again)?;
        sum.steps += counts.steps;
        sum.branches += counts.branches;
        sum.undone += counts.undone;
        sum.spoiled += counts.spoiled;
        sum.kills += counts.kills;
        sum.logs += counts.logs;
    }
    eprintln!("{name}: {of} histories in {:.0?}: {sum:?}", begun.elapsed());
    ensure!(alone || (sum.undone > 0 && sum.logs > 0), "no reorganisation was seen");
    ensure!(alone || !kind.faults || sum.spoiled > 0, "nothing was spoiled");
    ensure!(alone || !kind.kills || sum.kills > 0, "nobody was killed");
    Ok(())
}

async fn stages_of(kind: Kind) -> Result<Vec<Stage>> {
    let mut stages = Vec::new();
    for number in 0..kind.chains.max(1) {
        stages.push(Stage::start(31_337 + u64::try_from(number)?).await?);
    }
    Ok(stages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_reorganisations() -> Result<()> {
    histories("with_reorganisations", 1_000, 25, Kind::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_bad_nodes() -> Result<()> {
    histories("behind_bad_nodes", 2_000, 25, Kind { faults: true, ..Kind::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_networks() -> Result<()> {
    histories("of_two_networks", 3_000, 15, Kind { faults: true, chains: 2, ..Kind::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_replicas_that_are_killed() -> Result<()> {
    histories("of_replicas_that_are_killed", 4_000, 20, Kind { kills: true, ..Kind::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_replicas_that_are_killed_behind_bad_nodes() -> Result<()> {
    let kind = Kind { faults: true, kills: true, ..Kind::default() };
    histories("of_replicas_that_are_killed_behind_bad_nodes", 5_000, 15, kind).await
}
