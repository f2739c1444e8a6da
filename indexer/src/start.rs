//! From an entry of the networks file to a node that was seen to be the right one.

use std::time::Duration;

use anyhow::{Context, bail};
use billing_core::chain::{self, ChainError, Network, Rpc};
use futures::future::try_join_all;
use sqlx::PgPool;

/// A wrong configuration is told within this time, however many nodes keep silent.
const START_LIMIT: Duration = Duration::from_secs(9);

/// Connects to every network and checks chain id, contracts and genesis block.
pub(crate) async fn open_all(pool: &PgPool, networks: &[Network]) -> anyhow::Result<Vec<Rpc>> {
    try_join_all(networks.iter().map(|network| async {
        match tokio::time::timeout(START_LIMIT, open(pool, network)).await {
            Ok(opened) => opened.with_context(|| format!("cannot start on network {}", network.name)),
            Err(_) => bail!(
                "network {}: no node answered all checks within {START_LIMIT:?}; check rpc_urls and that the node is up",
                network.name
            ),
        }
    }))
    .await
}

/// Connects to one network; the first of its nodes that answers serves.
pub(crate) async fn open(pool: &PgPool, network: &Network) -> Result<Rpc, ChainError> {
    let rpc = Rpc::connect(network).await?;
    let mut conn = pool.acquire().await?;
    chain::register_network(&mut conn, &rpc).await?;
    Ok(rpc)
}
