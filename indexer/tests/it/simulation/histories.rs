//! Many histories of different worlds.

use std::time::Instant;

use anyhow::{Context, Result};
use test_support::Traffic;

use super::{figures::Figures, history::History, network::Kind};

const HISTORIES: u64 = 4;
const STEPS: usize = 260;

const BUSY: Traffic = Traffic { busy: 100, most: 5 };
const PLAIN: Kind = Kind { nodes: 1, log_times: true, finality: 64, confirmations: 0, traffic: Traffic::USUAL };

/// Histories of seeds that no other test has.
async fn histories(first_seed: u64, kind: Kind) -> Result<()> {
    if let Ok(log) = std::env::var("BILLING_LOG") {
        billing_process::init_logs(&billing_process::LogArgs { log, log_format: "text".to_owned() })?;
    }
    let only = told("ABONO_SIM_SEED")?;
    let steps = told("ABONO_SIM_STEPS")?.map(usize::try_from).transpose()?.unwrap_or(STEPS);
    let (begun, mut figures) = (Instant::now(), Figures::default());
    let seeds = only.map_or(first_seed..first_seed + HISTORIES, |only| only..only + 1);
    for seed in seeds {
        let mut history = History::begin(seed, kind).await?;
        let ran = history.run(steps).await;
        ran.with_context(|| format!("ABONO_SIM_SEED={seed} ABONO_SIM_STEPS={steps}"))?;
        figures += history.figures().await?;
    }
    eprintln!("in {:?}: {figures:?}", begun.elapsed());
    if only.is_none() && steps == STEPS {
        figures.assert_worth_it();
    }
    Ok(())
}

fn told(variable: &str) -> Result<Option<u64>> {
    let text = std::env::var(variable).ok();
    text.map(|text| text.parse().with_context(|| format!("{variable}={text}"))).transpose()
}

macro_rules! after_any_history_of {
    ($($name:ident, $first_seed:literal, $kind:expr;)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() -> Result<()> {
            histories($first_seed, $kind).await
        }
    )* };
}

// One after another they would take minutes.
after_any_history_of! {
    one_node_each_the_mirror_is_a_fresh_fold, 1_000, PLAIN;
    several_nodes_each_the_mirror_is_a_fresh_fold, 2_000, Kind { nodes: 3, ..PLAIN };
    soon_final_chains_the_mirror_is_a_fresh_fold, 3_000, Kind { finality: 34, nodes: 2, ..PLAIN };
    chains_behind_confirmations_the_mirror_is_a_fresh_fold, 4_000, Kind { confirmations: 3, ..PLAIN };
    busy_chains_the_mirror_is_a_fresh_fold, 5_000, Kind { traffic: BUSY, ..PLAIN };
    quiet_chains_the_mirror_is_a_fresh_fold, 6_000, Kind { traffic: Traffic::QUIET, nodes: 2, ..PLAIN };
    logs_without_times_the_mirror_is_a_fresh_fold, 7_000, Kind { log_times: false, finality: 128, ..PLAIN };
    quiet_chains_behind_a_confirmation_the_mirror_is_a_fresh_fold, 9_000, Kind { confirmations: 1, log_times: false, nodes: 2, traffic: Traffic::QUIET, ..PLAIN };
    busy_chains_at_several_nodes_the_mirror_is_a_fresh_fold, 10_000, Kind { finality: 96, nodes: 3, traffic: BUSY, ..PLAIN };
    far_confirmed_blocks_the_mirror_is_a_fresh_fold, 8_000, Kind { confirmations: 12, finality: 40, nodes: 3, ..PLAIN };
}
