//! A chain that changes what was final.

use std::time::Duration;

use alloy::primitives::Bytes;
use anyhow::Result;
use billing_core::{chain::Network, mirror};
use sqlx::PgPool;
use test_support::{Chain, Database, Role};

use crate::world::{
    Running, assert_mirror_equals_chain, caught_up, count, cursor, eventful_history, networks, once, subscribe,
    token_plan,
};

/// The mirror of the first chain stands on a branch that its node left, below all headers kept.
async fn deep_reorganisation(chain: &Chain, pool: &PgPool, networks: &[Network]) -> Result<()> {
    eventful_history(chain).await?;
    let fork = chain.snapshot().await?;
    let plan = token_plan(chain, 5).await?;
    subscribe(chain, Role::Subscriber(5), plan, 3).await?;
    chain.mine(40).await?;
    once(pool, networks.to_vec()).await?;
    chain.revert(fork).await?;
    chain.increase_time(5).await?;
    token_plan(chain, 9).await?;
    chain.mine(80).await
}

async fn resume(pool: &PgPool, networks: &[Network], accept: bool) -> Result<String> {
    let mut out = Vec::new();
    billing_indexer::resume(pool, networks.to_vec(), accept, &mut out).await?;
    Ok(String::from_utf8(out)?)
}

async fn is_halted(pool: &PgPool, network: &Network) -> Result<bool> {
    Ok(mirror::halted(&mut *pool.acquire().await?, network.chain_id).await?.is_some())
}

#[tokio::test]
async fn a_deep_reorganisation_stops_its_network_alone_until_an_operator_accepts_it() -> Result<()> {
    let (chain, other, database) = (Chain::start(31_337).await?, Chain::start(31_338).await?, Database::new().await);
    let networks = networks(&[&chain, &other], 0)?;
    let pool = database.pool();
    deep_reorganisation(&chain, pool, &networks).await?;
    let before = cursor(pool, &networks[0]).await?;

    let running = Running::start(pool, networks.clone());
    let halted = async {
        while !is_halted(pool, &networks[0]).await? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(30), halted).await??;
    token_plan(&other, 1).await?;
    caught_up(pool, &other, &networks[1]).await?;
    assert_eq!(cursor(pool, &networks[0]).await?, before);
    let faults = running.readiness.faults().await.join("\n");
    assert!(faults.contains("alpha: halted") && faults.contains("billing-indexer resume"), "{faults}");

    let shown = resume(pool, &networks, false).await?;
    assert!(shown.contains("3 logs between would be taken back") && shown.contains("beta: not halted"), "{shown}");
    assert!(is_halted(pool, &networks[0]).await? && cursor(pool, &networks[0]).await? == before);

    resume(pool, &networks, true).await?;
    caught_up(pool, &chain, &networks[0]).await?;
    assert_mirror_equals_chain(pool, &networks[0]).await?;
    assert_eq!(running.readiness.faults().await, Vec::<String>::new());
    running.stop().await
}

#[tokio::test]
async fn a_halted_network_stays_so_when_the_indexer_starts_again() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 0)?;
    deep_reorganisation(&chain, database.pool(), &networks).await?;
    let logs = count(database.pool(), "logs").await?;

    for _ in 0..2 {
        let refused = once(database.pool(), networks.clone()).await.expect_err("too deep");
        assert!(format!("{refused:#}").contains("resume --network"), "{refused:#}");
    }

    assert_eq!(count(database.pool(), "logs").await?, logs);
    Ok(())
}

#[tokio::test]
async fn nothing_shared_with_the_node_is_begun_anew_when_accepted() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 0)?;
    let fork = chain.snapshot().await?;
    token_plan(&chain, 1).await?;
    chain.mine(40).await?;
    once(database.pool(), networks.clone()).await?;
    chain.revert(fork).await?;
    chain.increase_time(5).await?;
    token_plan(&chain, 2).await?;
    chain.mine(80).await?;
    once(database.pool(), networks.clone()).await.expect_err("too deep");

    resume(database.pool(), &networks, true).await?;
    once(database.pool(), networks.clone()).await?;

    assert_eq!(assert_mirror_equals_chain(database.pool(), &networks[0]).await?.plans, 1);
    Ok(())
}

#[tokio::test]
async fn other_code_at_a_contract_is_refused() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 8)?;
    once(database.pool(), networks.clone()).await?;
    chain.set_code(chain.addresses().payment_gateway, Bytes::from_static(&[0x60, 0x00])).await?;

    let refused = once(database.pool(), networks).await.expect_err("another contract");

    let gateway = chain.addresses().payment_gateway.to_string();
    assert!(format!("{refused:#}").contains(&gateway), "{refused:#}");
    Ok(())
}
