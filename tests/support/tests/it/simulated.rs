use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use alloy::{
    eips::BlockId,
    primitives::B256,
    providers::{Provider, ProviderBuilder},
    rpc::types::{Filter, TransactionRequest},
    sol_types::{SolEvent, SolValue},
};
use anyhow::{Context, Result};
use billing_bindings::{
    Marketplace::MarketplaceEvents,
    PaymentGateway::PaymentGatewayEvents,
    PlanManager::{EIP712DomainChanged, PlanManagerEvents},
    SubscriptionManager::SubscriptionManagerEvents,
};
use billing_core::{
    chain::Rpc,
    mirror::{Source, event},
};
use test_support::{Fate, NodeFault, SimulatedChain, SimulatedNode, Traffic};

const FATES: [Fate; 5] = [Fate::Kept, Fate::Dropped, Fate::Moved, Fate::Replaced, Fate::Mixed];

fn history(seed: u64) -> SimulatedChain {
    let chain = SimulatedChain::new(7, 64, seed);
    chain.append(60, Traffic::HEAVY);
    for fate in FATES {
        chain.reorg(12, 9, fate);
        chain.append(8, Traffic::USUAL);
    }
    chain.shorten(5);
    chain.outgrow(Traffic::USUAL);
    chain
}

#[test]
fn the_same_seed_is_the_same_chain() {
    let hashes = |seed| history(seed).stretch().headers.iter().map(|header| header.hash).collect::<Vec<B256>>();
    assert_eq!(hashes(1), hashes(1));
    let logs = |seed| history(seed).stretch().logs;
    assert_eq!(logs(1), logs(1));
    assert!(logs(1) != logs(2));
}

#[test]
fn every_log_is_read_by_the_product_and_numbered_without_a_gap() {
    let mut kinds = BTreeSet::new();
    for seed in 0..10 {
        let chain = history(seed);
        let source = Source::from(&chain.network("alpha", &["http://127.0.0.1".to_owned()]));
        let stretch = chain.stretch();
        for count in &stretch.counts {
            let mut expected = 0;
            for log in stretch.logs.iter().filter(|log| log.address == count.address) {
                expected += 1;
                assert_eq!(event::decode(&source, log).expect("an event").0, expected);
            }
            assert_eq!(expected, count.count);
        }
        for pair in stretch.headers.windows(2) {
            assert!(pair[1].parent_hash == pair[0].hash && pair[1].time > pair[0].time);
        }
        kinds.extend(stretch.logs.iter().map(|log| log.topics[0].0));
    }
    let numbered = [
        PlanManagerEvents::SELECTORS,
        SubscriptionManagerEvents::SELECTORS,
        PaymentGatewayEvents::SELECTORS,
        MarketplaceEvents::SELECTORS,
    ];
    let numbered = numbered.concat().into_iter().filter(|kind| *kind != EIP712DomainChanged::SIGNATURE_HASH.0);
    assert_eq!(kinds, numbered.collect());
}

#[test]
fn a_thousand_blocks_take_no_time() {
    let begun = Instant::now();
    SimulatedChain::new(7, 64, 1).append(1_000, Traffic::USUAL);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_products_client_connects_and_reads_what_is_on_the_chain() -> Result<()> {
    let chain = history(3);
    let node = SimulatedNode::start(&chain).await?;
    let rpc = Rpc::connect(&chain.network("alpha", &[node.url()])).await?;
    let (head, stretch) = (chain.head(), chain.stretch());

    let latest = rpc.provider.get_block(BlockId::latest()).await?.context("a head")?;
    assert_eq!((latest.header.number, latest.header.hash), (head.number, head.hash));
    let all = rpc.provider.get_logs(&Filter::new().from_block(0).to_block(head.number)).await?;
    assert_eq!(all.len(), stretch.logs.len());
    for (theirs, ours) in all.iter().zip(&stretch.logs) {
        assert_eq!((theirs.block_hash, theirs.transaction_hash), (Some(ours.block_hash), Some(ours.tx_hash)));
        assert_eq!((theirs.data().topics(), &theirs.data().data), (ours.topics.as_slice(), &ours.data));
    }
    for log in &all {
        let block = rpc.provider.get_block_by_hash(log.block_hash.context("mined")?).await?.context("its block")?;
        assert!(block.header.logs_bloom.contains_raw_log(log.address(), log.topics()));
        assert_eq!(log.block_timestamp, Some(block.header.timestamp));
    }
    let busy = all.last().and_then(|log| log.block_hash).context("a log")?;
    let receipts = rpc.provider.get_block_receipts(BlockId::hash(busy)).await?.context("receipts")?;
    let in_receipts = receipts.iter().map(|receipt| receipt.inner.logs().len()).sum::<usize>();
    assert_eq!(in_receipts, rpc.provider.get_logs(&Filter::new().at_block_hash(busy)).await?.len());
    Ok(())
}

#[tokio::test]
async fn contracts_are_asked_at_a_block_one_by_one_or_by_a_constructor() -> Result<()> {
    let chain = history(4);
    let node = SimulatedNode::start(&chain).await?;
    let rpc = Rpc::connect(&chain.network("alpha", &[node.url()])).await?;
    let source = Source::from(&rpc.network);
    let (before, counts) = (chain.head(), chain.stretch().counts);
    chain.append(20, Traffic::HEAVY);

    let code = [vec![0x60; 50], source.addresses().abi_encode()].concat();
    let request = TransactionRequest::default().input(code.into());
    let told = rpc.provider.call(request).block(BlockId::hash(before.hash)).await?;
    let told = Vec::<alloy::primitives::U256>::abi_decode(&told)?;
    assert_eq!(
        told.iter().map(|count| count.to::<i64>()).collect::<Vec<_>>(),
        counts.iter().map(|count| count.count).collect::<Vec<_>>()
    );
    for count in &counts {
        let contract = billing_bindings::PlanManager::new(count.address, &rpc.provider);
        let then = contract.eventCount().block(BlockId::number(before.number)).call().await?;
        assert_eq!(i64::try_from(then)?, count.count);
    }
    Ok(())
}

#[tokio::test]
async fn a_branch_that_is_gone_is_known_by_hash_for_a_while() -> Result<()> {
    let chain = history(5);
    let node = SimulatedNode::start(&chain).await?;
    let provider = ProviderBuilder::new().connect_http(node.url().parse()?);
    let gone = chain.head();
    chain.reorg(3, 3, Fate::Replaced);
    let by_hash = Filter::new().at_block_hash(gone.hash);

    assert!(provider.get_block_by_hash(gone.hash).await?.is_some());
    assert!(provider.get_logs(&by_hash).await.is_ok());
    assert!(
        provider.get_block_by_number(gone.number.into()).await?.is_some_and(|block| block.header.hash != gone.hash)
    );
    for _ in 0..10 {
        chain.reorg(32, 32, Fate::Mixed);
    }
    assert!(provider.get_block_by_hash(gone.hash).await?.is_none());
    assert!(provider.get_logs(&by_hash).await.is_err_and(|error| error.to_string().contains("unknown block")));
    Ok(())
}

#[tokio::test]
async fn a_node_is_as_bad_as_it_is_told_to_be() -> Result<()> {
    let chain = history(6);
    let node = SimulatedNode::start(&chain).await?;
    let provider = ProviderBuilder::new().connect_http(node.url().parse()?);
    let logs = async || provider.get_logs(&Filter::new().from_block(0)).await;
    let all = logs().await?.len();

    node.set_fault(Some(NodeFault::NoLogs { every: 1 }));
    assert_eq!(logs().await?.len(), 0);
    node.set_fault(Some(NodeFault::Blind { every: 1 }));
    assert_eq!(logs().await?.len(), 0);
    node.set_fault(Some(NodeFault::OneLogLess { every: 1 }));
    assert_eq!(logs().await?.len(), all - 1);
    node.set_fault(Some(NodeFault::Behind { blocks: 4, every: 1 }));
    assert_eq!(provider.get_block_number().await?, chain.head().number - 4);
    assert!(provider.get_block_by_hash(chain.head().hash).await?.is_none());
    let before = chain.head();
    chain.reorg(3, 5, Fate::Replaced);
    node.set_fault(Some(NodeFault::OldBranch { every: 1 }));
    let old = provider.get_block(BlockId::latest()).await?.context("a head")?.header;
    assert_eq!((old.number, old.hash), (before.number, before.hash));
    assert!(provider.get_block_by_hash(chain.head().hash).await?.is_none());
    let all = chain.stretch().logs.len();
    for fault in [NodeFault::Cut { every: 1 }, NodeFault::BadGateway { every: 1 }, NodeFault::TooMany { logs: all - 1 }]
    {
        node.set_fault(Some(fault));
        assert!(logs().await.is_err(), "{fault:?}");
    }
    node.set_fault(Some(NodeFault::Cut { every: 2 }));
    assert!(logs().await.is_ok() != logs().await.is_ok());
    node.set_fault(None);
    assert_eq!(logs().await?.len(), all);
    Ok(())
}
