//! The pool and real HTTP, before nodes that misbehave.

use std::time::{Duration, Instant};

use alloy::{
    eips::BlockNumberOrTag,
    providers::{Provider, ProviderBuilder},
    rpc::{client::RpcClient, types::Filter},
};
use anyhow::Result;
use billing_nodes::{AtMost, Class, Options, Pool, PoolError, WrongNode, class_of};
use test_support::{Anvil, AnvilOptions, Fault, FaultyNode, Garbage, Provider as Words, When};

/// A node that may misbehave, preferred to another one before the same chain.
struct World {
    first: FaultyNode,
    second: FaultyNode,
    pool: Pool,
    _chain: Anvil,
}

impl World {
    async fn new() -> Result<Self> {
        let chain = Anvil::spawn(AnvilOptions::default()).await?;
        chain.mine(100).await?;
        let (first, second) = (FaultyNode::start(chain.url(), 1).await?, FaultyNode::start(chain.url(), 2).await?);
        let urls = [first.url().to_owned(), second.url().to_owned()];
        let pool = Pool::new(&urls, chain.chain_id(), Options::default())?;
        Ok(Self { first, second, pool, _chain: chain })
    }

    /// Both nodes were seen to be right, and nothing was counted.
    async fn looked_at() -> Result<Self> {
        let world = Self::new().await?;
        world.pool.check(Duration::from_secs(10)).await?;
        world.first.forget_counts();
        world.second.forget_counts();
        Ok(world)
    }

    fn provider(&self) -> impl Provider {
        let client = RpcClient::new(self.pool.at_least(0), false);
        ProviderBuilder::new().disable_recommended_fillers().connect_client(client)
    }

    fn asked(&self) -> (u64, u64) {
        (self.first.requests(), self.second.requests())
    }
}

#[tokio::test]
async fn what_one_node_breaks_the_next_one_answers() -> Result<()> {
    let when = When::Always;
    let faults = [
        Fault::Status { status: 502, when },
        Fault::Status { status: 503, when },
        Fault::RateLimit { per_second: 0, retry_after: None },
        Fault::BreaksOff { when },
        Fault::Garbage { garbage: Garbage::Html, when },
        Fault::Garbage { garbage: Garbage::HalfJson, when },
        Fault::Garbage { garbage: Garbage::Empty, when },
        Fault::Hang { when },
    ];
    for fault in faults {
        let world = World::looked_at().await?;
        world.first.set(fault.clone());
        let begun = Instant::now();
        assert_eq!(world.provider().get_block_number().await?, 100, "{fault:?}");
        assert_eq!((world.asked(), world.first.spoiled()), ((1, 1), 1), "{fault:?}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_node_that_says_when_to_come_back_is_left_alone_until_then() -> Result<()> {
    let world = World::looked_at().await?;
    world.first.set(Fault::RateLimit { per_second: 0, retry_after: Some(2) });
    let begun = Instant::now();
    for _ in 0..20 {
        world.provider().get_block_number().await?;
    }
    assert!(begun.elapsed() > Duration::from_secs(2) || world.asked() == (1, 20));

    world.first.heal();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    world.first.forget_counts();
    world.provider().get_block_number().await?;
    assert_eq!(world.first.requests(), 1);
    Ok(())
}

#[tokio::test]
async fn a_node_of_another_chain_is_told_at_the_start_and_left_out_later() -> Result<()> {
    let world = World::new().await?;
    world.first.set(Fault::WrongChain(5));
    let told = world.pool.check(Duration::from_secs(10)).await;
    assert!(matches!(told, Err(PoolError::Wrong(WrongNode::ChainId { found: 5, .. }))), "{told:?}");

    for _ in 0..5 {
        assert_eq!(world.provider().get_chain_id().await?, 31_337);
    }
    assert_eq!(world.first.requests(), 1);

    let world = World::new().await?;
    world.second.set(Fault::WrongGenesis);
    let told = world.pool.check(Duration::from_secs(10)).await;
    assert!(matches!(told, Err(PoolError::Wrong(WrongNode::Genesis { .. }))), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_a_size_is_the_callers_at_once_in_all_words() -> Result<()> {
    let filter = Filter::new().from_block(1).to_block(40);
    for words in Words::ALL {
        let world = World::looked_at().await?;
        world.first.set(Fault::MostBlocks { blocks: 10, provider: words });
        let refused = world.provider().get_logs(&filter).await.expect_err("too many blocks");
        let Class::TooLarge { at_most } = class_of(&refused) else { panic!("{words:?}: {refused}") };
        assert!(matches!(at_most, None | Some(AtMost::Span(10) | AtMost::Range(1, 10))), "{words:?}: {at_most:?}");
        assert_eq!(world.asked(), (1, 0), "{words:?}");
        let learnt = world.pool.caps()[0].1;
        assert!((1..=20).contains(&learnt.span()), "{words:?}: {learnt:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_block_that_one_node_lacks_is_asked_of_another() -> Result<()> {
    let world = World::looked_at().await?;
    world.first.set(Fault::Lag { blocks: 3 });
    let client = RpcClient::new(world.pool.at_least(100), false);
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_client(client);
    let block = provider.get_block_by_number(BlockNumberOrTag::Number(100)).await?;
    assert!(block.is_some());
    assert_eq!((world.first.calls("eth_getBlockByNumber"), world.first.calls("eth_blockNumber")), (0, 1));
    Ok(())
}
