//! Each network in a task of its own, begun, ended and begun anew as the networks file says.

use std::collections::BTreeMap;

use anyhow::Context;
use billing_core::chain::{Network, Rpc};
use billing_process::Readiness;
use indicatif::MultiProgress;
use sqlx::PgPool;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{lead, network::Mirroring, progress::Progress, start};

/// Mirrors the networks until told to stop, as they are now and as they become: one that is added is begun, one that is
/// left out ends, one that changed is begun anew. What is stored of a network stays.
///
/// # Errors
/// At the start only: a network that is wrong, not one whose nodes are down. Later both are told by `/ready`, and tried again.
pub async fn follow(
    pool: &PgPool,
    mut networks: watch::Receiver<Vec<Network>>,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let first = networks.borrow_and_update().clone();
    let mut opened = Vec::new();
    for (network, rpc) in first.iter().zip(start::open_each(pool, &first, &shutdown).await) {
        opened.push(match rpc {
            Err(error) if start::may_pass(&error) => {
                tracing::error!(network = network.name, "not begun yet: {error}");
                None
            }
            rpc => Some(rpc.with_context(|| format!("cannot start on network {}", network.name))?),
        });
    }
    let mut following = Following::new(pool, readiness, shutdown.clone());
    for (network, rpc) in first.into_iter().zip(opened) {
        following.begin(network, rpc);
    }
    while !shutdown.is_cancelled() {
        tokio::select! {
            () = shutdown.cancelled() => {}
            // Without a sender they stay as they are.
            Ok(()) = networks.changed() => {
                let wanted = networks.borrow_and_update().clone();
                following.become_like(wanted);
            }
            Some(ended) = following.tasks.join_next() => following.ended(ended),
        }
    }
    while let Some(ended) = following.tasks.join_next().await {
        following.ended(ended);
    }
    Ok(())
}

struct Following {
    pool: PgPool,
    readiness: Readiness,
    shutdown: CancellationToken,
    bars: MultiProgress,
    running: BTreeMap<String, (Network, CancellationToken)>,
    tasks: JoinSet<()>,
}

impl Following {
    fn new(pool: &PgPool, readiness: Readiness, shutdown: CancellationToken) -> Self {
        let (bars, running, tasks) = (MultiProgress::new(), BTreeMap::new(), JoinSet::new());
        Self { pool: pool.clone(), readiness, shutdown, bars, running, tasks }
    }

    fn begin(&mut self, network: Network, rpc: Option<Rpc>) {
        let stop = self.shutdown.child_token();
        self.running.insert(network.name.clone(), (network.clone(), stop.clone()));
        let (pool, readiness) = (self.pool.clone(), self.readiness.clone());
        let progress = Progress::new(&self.bars, &network.name);
        self.tasks.spawn(async move {
            let rpc = match rpc {
                Some(rpc) => Some(rpc),
                None => start::open_at_last(&pool, &network, &readiness, &stop).await,
            };
            if let Some(rpc) = rpc {
                lead::follow(Mirroring::new(&pool, rpc, progress, &stop), &pool, &readiness, &stop).await;
            }
        });
    }

    fn become_like(&mut self, wanted: Vec<Network>) {
        let stays = |network: &Network| wanted.contains(network);
        let gone = self.running.extract_if(.., |_, (network, _)| !stays(network));
        for (name, (_, stop)) in gone {
            tracing::info!(network = name, "left out of the networks, or changed: it ends");
            stop.cancel();
            self.readiness.report(&name, None);
            self.readiness.report(&lead::lag_of(&name), None);
        }
        for network in wanted {
            if !self.running.contains_key(&network.name) {
                tracing::info!(network = network.name, "begins");
                self.begin(network, None);
            }
        }
    }

    /// The other networks go on when one ends by a panic.
    fn ended(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(panic) = ended {
            tracing::error!(%panic, "a network ended");
            self.readiness.report("mirror", Some(panic.to_string()));
        }
    }
}
