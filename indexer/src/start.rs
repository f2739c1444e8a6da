//! From an entry of the networks file to a node that was seen to be the right one.

use std::time::Duration;

use anyhow::Context;
use billing_core::chain::{self, ChainError, Network, Rpc};
use billing_process::Readiness;
use futures::future::{join_all, try_join_all};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::backoff;

/// A wrong configuration is told within this time, however many nodes keep silent.
const START_LIMIT: Duration = Duration::from_secs(9);

/// Connects to every network and checks chain id, contracts and genesis block.
pub(crate) async fn open_all(pool: &PgPool, networks: &[Network]) -> anyhow::Result<Vec<Rpc>> {
    try_join_all(networks.iter().map(|network| async {
        open(pool, network).await.with_context(|| format!("cannot start on network {}", network.name))
    }))
    .await
}

/// As [`open_all`], with what stands in the way of each.
pub(crate) async fn open_each(
    pool: &PgPool,
    networks: &[Network],
    shutdown: &CancellationToken,
) -> Vec<Result<Rpc, ChainError>> {
    let opened = join_all(networks.iter().map(|network| open(pool, network)));
    shutdown.run_until_cancelled(opened).await.unwrap_or_default()
}

/// Tries until it is open; `None` when told to stop.
pub(crate) async fn open_at_last(
    pool: &PgPool,
    network: &Network,
    readiness: &Readiness,
    stop: &CancellationToken,
) -> Option<Rpc> {
    for failures in 1.. {
        match stop.run_until_cancelled(open(pool, network)).await? {
            Ok(rpc) => return Some(rpc),
            Err(error) => readiness.report(&network.name, Some(format!("not begun yet: {error}"))),
        }
        stop.run_until_cancelled(tokio::time::sleep(backoff::pause(failures))).await?;
    }
    None
}

/// Whether it may be otherwise soon, without anybody's act: nodes that are down, not nodes that are wrong.
pub(crate) const fn may_pass(error: &ChainError) -> bool {
    matches!(error, ChainError::Unreachable { .. } | ChainError::Rpc { .. })
}

/// Connects to one network; the first of its nodes that answers serves.
async fn open(pool: &PgPool, network: &Network) -> Result<Rpc, ChainError> {
    let opened = tokio::time::timeout(START_LIMIT, async {
        let rpc = Rpc::connect(network).await?;
        let mut conn = pool.acquire().await?;
        chain::register_network(&mut conn, &rpc).await?;
        Ok(rpc)
    });
    opened.await.unwrap_or_else(|_| {
        let message =
            format!("no node answered all checks within {START_LIMIT:?}; check rpc_urls and that the node is up");
        Err(ChainError::Rpc { network: network.name.clone(), message })
    })
}
