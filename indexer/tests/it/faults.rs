use anyhow::Result;
use billing_core::chain::Network;
use test_support::{Chain, Database, Fault, FaultyNode, Lose, Provider, When};

use crate::world::{Running, assert_mirror_equals_chain, caught_up, count, eventful_history, networks, once};

async fn behind(chain: &Chain, fault: Fault, finality_depth: u64) -> Result<(FaultyNode, Vec<Network>)> {
    let node = FaultyNode::start(chain.url(), 1).await?;
    node.set(fault);
    let mut networks = networks(&[chain], finality_depth)?;
    networks[0].rpc_urls = vec![node.url().to_owned()];
    Ok((node, networks))
}

#[tokio::test]
async fn a_provider_that_caps_ranges_is_asked_for_smaller_ones() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    chain.mine(300).await?;
    let (node, networks) = behind(&chain, Fault::MostBlocks { blocks: 10, provider: Provider::Infura }, 8).await?;

    once(database.pool(), networks.clone()).await?;

    assert!((1..40).contains(&node.spoiled()), "{} refusals", node.spoiled());
    assert_mirror_equals_chain(database.pool(), &networks[0]).await.map(drop)
}

#[tokio::test]
async fn logs_that_a_provider_leaves_out_are_never_lost() -> Result<()> {
    for finality_depth in [4, 1_000] {
        let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
        eventful_history(&chain).await?;
        let (node, networks) =
            behind(&chain, Fault::LosesLogs { lose: Lose::Last, when: When::Every(3) }, finality_depth).await?;

        let running = Running::start(database.pool(), networks.clone());
        eventful_end(&chain).await?;
        caught_up(database.pool(), &chain, &networks[0]).await?;

        assert!(finality_depth == 4 || node.spoiled() > 0);
        assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
        running.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_provider_that_often_fails_only_slows_the_mirror() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    let running_chain = behind(&chain, Fault::Status { status: 502, when: When::Every(5) }, 16).await?;
    let (node, networks) = running_chain;

    let running = Running::start(database.pool(), networks.clone());
    caught_up(database.pool(), &chain, &networks[0]).await?;

    assert!(node.spoiled() > 0);
    let direct = crate::world::networks(&[&chain], 16)?;
    assert_mirror_equals_chain(database.pool(), &direct[0]).await?;
    assert!(count(database.pool(), "logs").await? > 30);
    running.stop().await
}

async fn eventful_end(chain: &Chain) -> Result<()> {
    crate::world::token_plan(chain, 77).await.map(drop)
}
