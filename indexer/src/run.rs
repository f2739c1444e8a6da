//! All networks at once.

use std::time::Duration;

use anyhow::{Context, bail};
use billing_core::chain::Network;
use billing_process::Readiness;
use futures::future::join_all;
use indicatif::MultiProgress;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff,
    follow::follow,
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
/// At start: another chain or genesis block, missing contracts; in [`Mode::Once`] also nodes that are down, and later what
/// kept a network from catching up.
pub async fn run(
    pool: &PgPool,
    networks: Vec<Network>,
    mode: Mode,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if mode == Mode::Follow {
        return follow(pool, watch::Sender::new(networks).subscribe(), readiness, shutdown).await;
    }
    let Some(opened) = shutdown.run_until_cancelled(start::open_all(pool, &networks)).await else { return Ok(()) };
    let bars = MultiProgress::new();
    let caught_up = opened?.into_iter().map(|rpc| {
        let name = rpc.network.name.clone();
        let mirroring = Mirroring::new(pool, rpc, Progress::new(&bars, &name), &shutdown);
        async move { once(mirroring).await.with_context(|| format!("network {name}")) }
    });
    // The other networks go on when one fails.
    let faults = join_all(caught_up).await.into_iter().filter_map(Result::err);
    let faults: Vec<String> = faults.map(|fault| format!("{fault:#}")).collect();
    if faults.is_empty() { Ok(()) } else { bail!(faults.join("; ")) }
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
