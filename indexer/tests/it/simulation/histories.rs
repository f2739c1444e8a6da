//! Many histories of different worlds.

use std::time::Instant;

use anyhow::{Context, Result};
use test_support::Traffic;

use super::{history::History, network::Kind};

const HISTORIES: u64 = 10;
const STEPS: usize = 260;

const PLAIN: Kind = Kind { nodes: 1, log_times: true, finality: 64, confirmations: 0, traffic: Traffic::USUAL };

/// Histories of seeds that no other test has.
async fn histories(first_seed: u64, kind: Kind) -> Result<()> {
    if let Ok(log) = std::env::var("BILLING_LOG") {
        billing_process::init_logs(&billing_process::LogArgs { log, log_format: "text".to_owned() })?;
    }
    let only = told("ABONO_SIM_SEED")?;
    let steps = told("ABONO_SIM_STEPS")?.map(usize::try_from).transpose()?.unwrap_or(STEPS);
    for seed in first_seed..first_seed + HISTORIES {
        if only.is_some_and(|only| only != seed) {
            continue;
        }
        let begun = Instant::now();
        let mut history = History::begin(seed, kind).await?;
        let ran = history.run(steps).await;
        ran.with_context(|| format!("ABONO_SIM_SEED={seed} ABONO_SIM_STEPS={steps}"))?;
        let (sum, longest) = history.quiet;
        eprintln!(
            "seed {seed}: {steps} steps in {:?}; {} quiet points waited {sum:?} together, {longest:?} at most",
            begun.elapsed(),
            history.quiet_points
        );
        eprintln!("undone {:?} compare {:?}", history.undone, history.compare);
    }
    Ok(())
}

fn told(variable: &str) -> Result<Option<u64>> {
    let text = std::env::var(variable).ok();
    text.map(|text| text.parse().with_context(|| format!("{variable}={text}"))).transpose()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_history_the_mirror_is_a_fresh_fold() -> Result<()> {
    histories(1_000, PLAIN).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_history_at_several_nodes_the_mirror_is_a_fresh_fold() -> Result<()> {
    histories(2_000, Kind { nodes: 3, ..PLAIN }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_history_of_soon_final_chains_the_mirror_is_a_fresh_fold() -> Result<()> {
    histories(3_000, Kind { finality: 34, log_times: false, nodes: 2, ..PLAIN }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_history_behind_confirmations_the_mirror_is_a_fresh_fold() -> Result<()> {
    histories(4_000, Kind { confirmations: 3, traffic: Traffic::HEAVY, ..PLAIN }).await
}
