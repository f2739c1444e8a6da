//! All networks at once.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use billing_core::chain::Network;
use billing_process::Readiness;
use indicatif::MultiProgress;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff, lead,
    network::{Mirroring, Round, is_contradiction},
    progress::Progress,
    start,
};

/// Pause before more of the same, so that a node that contradicts itself is not asked without end.
pub(crate) const AGAIN: Duration = Duration::from_millis(20);
/// Times that the chain may move under a single run.
const MOVES: u32 = 5;

/// What an operator does about a halt.
pub(crate) const RUNBOOK: &str = "run `billing-indexer resume --network NAME` to see what would be taken back";

/// How long to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until told to stop; a network in trouble is tried again, and never stops the others.
    Follow,
    /// Until every network is caught up, or failed.
    Once,
}

/// Mirrors the networks, each in a task of its own.
///
/// # Errors
/// At start in both modes: a node that is not reached or serves another chain, missing contracts, another genesis block.
/// Later only in [`Mode::Once`]: what kept a network from catching up.
pub async fn run(
    pool: &PgPool,
    networks: Vec<Network>,
    mode: Mode,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let opened = match shutdown.run_until_cancelled(start::open_all(pool, &networks)).await {
        Some(opened) => opened?,
        None => return Ok(()),
    };
    let bars = MultiProgress::new();
    let mut tasks = JoinSet::new();
    for rpc in opened {
        let name = rpc.network.name.clone();
        let mirroring = Mirroring::new(pool, rpc, Progress::new(&bars, &name), &shutdown);
        let (pool, readiness, shutdown) = (pool.clone(), readiness.clone(), shutdown.clone());
        tasks.spawn(async move {
            match mode {
                Mode::Follow => lead::follow(mirroring, &pool, &readiness, &shutdown).await,
                Mode::Once => once(mirroring).await.with_context(|| format!("network {name}"))?,
            }
            Ok(())
        });
    }
    finish(tasks, &readiness).await
}

/// The other networks go on when one ends, even by a panic; what went wrong is told at the end.
async fn finish(mut tasks: JoinSet<anyhow::Result<()>>, readiness: &Readiness) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let fault = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => format!("{error:#}"),
            Err(panic) => panic.to_string(),
        };
        tracing::error!(fault, "a network ended");
        readiness.report("mirror", Some(fault.clone()));
        faults.push(fault);
    }
    if faults.is_empty() { Ok(()) } else { Err(anyhow!(faults.join("; "))) }
}

async fn once(mut mirroring: Mirroring) -> anyhow::Result<()> {
    let mut moved = 0;
    loop {
        let round = match mirroring.catch_up().await {
            // A chain that moves while it is read is no fault; read again, it is read whole.
            Err(error) if is_contradiction(&error) && moved < MOVES => {
                moved += 1;
                tokio::time::sleep(backoff::pause(moved)).await;
                continue;
            }
            round => round?,
        };
        match round {
            Round::Again => tokio::time::sleep(AGAIN).await,
            Round::CaughtUp => {
                tracing::info!(network = mirroring.network().name, "caught up");
                return Ok(());
            }
            Round::Lagging { head, mirror } => {
                let network = &mirroring.network().name;
                tracing::warn!(network, head, mirror, "the node is behind the mirror; nothing to do");
                return Ok(());
            }
            Round::Halted(reason) => bail!("{reason}; {RUNBOOK}"),
            Round::Stopped => return Ok(()),
        }
    }
}
