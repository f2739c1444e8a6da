use std::time::Duration;

use alloy::{
    primitives::{B256, Bytes, keccak256},
    providers::{Provider, ProviderBuilder},
    rpc::{client::RpcClient, types::Filter},
};
use serde_json::json;
use tokio::time::Instant;

use super::scripted::{Say, Scripted};
use crate::{Class, Options, Pool, PoolError, WrongNode, class_of, wire::Wire};

fn pool(nodes: &[&Scripted]) -> Pool {
    let wires = nodes.iter().zip(["a", "b", "c"]);
    let wires = wires.map(|(node, host)| (host.to_owned(), Box::new((*node).clone()) as Box<dyn Wire>));
    Pool::over(wires.collect(), 1, Options::default())
}

fn provider(pool: &Pool, block: u64) -> impl Provider {
    let client = RpcClient::new(pool.at_least(block), false);
    ProviderBuilder::new().disable_recommended_fillers().connect_client(client)
}

fn good() -> Say {
    Say::Result(json!("0x2a"))
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_one_node_is_answered_by_the_next() {
    let faults = [
        Say::Status(502),
        Say::Limited(30),
        Say::Body("<html>"),
        Say::Body(r#"{"jsonrpc":"2.0","id":0,"resu"#),
        Say::Body(r#"{"jsonrpc":"2.0","id":977,"result":"0x1"}"#),
        Say::Error(-32_000, "header not found"),
        Say::Error(-32_000, "missing trie node 00 (path )"),
        Say::Hang,
    ];
    for fault in faults {
        let (bad, fine) = (Scripted::new([fault]), Scripted::new([good()]));
        let balance = provider(&pool(&[&bad, &fine]), 0).get_balance(Default::default()).await;
        assert_eq!(balance.expect("the second node's"), alloy::primitives::U256::from(42));
        assert_eq!((bad.asked(), fine.asked()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn sizes_and_refusals_are_the_callers_at_once() {
    for (code, text, class) in [
        (-32_005, "query returned more than 10000 results", Class::TooLarge { at_most: None }),
        (3, "execution reverted", Class::Refused),
    ] {
        let (one, two) = (Scripted::new([Say::Error(code, text)]), Scripted::new([good()]));
        let error = provider(&pool(&[&one, &two]), 0).get_logs(&Filter::new()).await.expect_err(text);
        assert_eq!((class_of(&error), one.asked(), two.asked()), (class, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_node_is_asked_again_after_growing_pauses_and_not_for_ever() {
    let soon = Scripted::new([Say::Status(503), Say::Status(503), Say::Status(503), good()]);
    assert!(provider(&pool(&[&soon]), 0).get_balance(Default::default()).await.is_ok());
    assert_eq!(soon.asked(), 4);

    let never = Scripted::new([Say::Status(503)]);
    let begun = Instant::now();
    assert!(provider(&pool(&[&never]), 0).get_balance(Default::default()).await.is_err());
    assert!(begun.elapsed() <= Options::default().patience && begun.elapsed() > Duration::from_secs(1));
    assert!((4..20).contains(&never.asked()), "{}", never.asked());
}

#[tokio::test(start_paused = true)]
async fn a_node_without_the_block_is_not_asked_for_it() {
    let (mut behind, ahead) = (Scripted::new([good()]), Scripted::new([good()]));
    behind.head = 98;
    let pool = pool(&[&behind, &ahead]);
    assert!(provider(&pool, 99).get_balance(Default::default()).await.is_ok());
    assert_eq!((behind.asked(), ahead.asked()), (0, 1));
    assert!(provider(&pool, 101).get_balance(Default::default()).await.is_err());
    assert_eq!((behind.asked(), ahead.asked()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_long_is_asked_of_a_second_node_and_a_send_is_not() {
    let late = || Say::After(Duration::from_secs(15), Box::new(good()));
    let (slow, quick) = (Scripted::new([late()]), Scripted::new([good()]));
    let begun = Instant::now();
    assert!(provider(&pool(&[&slow, &quick]), 0).get_balance(Default::default()).await.is_ok());
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!((slow.asked(), quick.asked()), (1, 1));

    let hash = Say::After(Duration::from_secs(15), Box::new(Say::Result(json!(B256::ZERO))));
    let (slow, quick) = (Scripted::new([hash]), Scripted::new([good()]));
    assert!(provider(&pool(&[&slow, &quick]), 0).send_raw_transaction(&[1]).await.is_ok());
    assert_eq!((slow.asked(), quick.asked()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_question_lost_on_the_way_to_a_lone_node_is_asked_again() {
    let alone = Scripted::new([Say::Hang, good()]);
    let begun = Instant::now();
    assert!(provider(&pool(&[&alone]), 0).get_balance(Default::default()).await.is_ok());
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(alone.asked(), 2);

    let alone = Scripted::new([Say::After(Duration::from_secs(15), Box::new(Say::Result(json!(B256::ZERO))))]);
    assert!(provider(&pool(&[&alone]), 0).send_raw_transaction(&[1]).await.is_ok());
    assert_eq!(alone.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_a_node_has_already_was_sent() {
    let (broken, knows) = (Scripted::new([Say::Status(502)]), Scripted::new([Say::Error(-32_000, "already known")]));
    let raw = Bytes::from_static(&[2, 3]);
    let pool = pool(&[&broken, &knows]);
    let provider = provider(&pool, 0);
    let sent = provider.send_raw_transaction(&raw).await.expect("sent");
    assert_eq!(*sent.tx_hash(), keccak256(&raw));
    assert_eq!((broken.asked(), knows.asked()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_of_another_chain_is_told_and_never_asked() {
    let (mut id, mut genesis, right) = (Scripted::new([good()]), Scripted::new([good()]), Scripted::new([good()]));
    (id.chain_id, genesis.genesis) = (5, 8);
    let nodes = [&id, &right, &genesis];
    let told = pool(&nodes).check(Duration::from_secs(4)).await;
    assert!(matches!(told, Err(PoolError::Wrong(WrongNode::ChainId { host, .. })) if host == "a"));

    assert!(provider(&pool(&nodes), 0).get_balance(Default::default()).await.is_ok());
    assert!(matches!(pool(&[&right, &genesis]).check(Duration::from_secs(4)).await, Err(PoolError::Wrong(_))));
    assert_eq!((id.asked(), genesis.asked(), right.asked()), (0, 0, 1));
}
