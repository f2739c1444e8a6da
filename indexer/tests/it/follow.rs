use std::time::{Duration, Instant};

use anyhow::Result;
use billing_process::Readiness;
use test_support::{Chain, Database, Fault, FaultyNode, Role, When};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::world::{
    DAY, Running, assert_mirror_equals_chain, caught_up, charge, count, cursor, eventful_history, networks, once,
    subscribe, token_plan,
};

#[tokio::test]
async fn new_blocks_are_mirrored_as_they_come() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    let networks = networks(&[&chain], 8)?;
    let running = Running::start(database.pool(), networks.clone());
    caught_up(database.pool(), &chain, &networks[0]).await?;

    let plan = token_plan(&chain, 7).await?;
    subscribe(&chain, Role::Subscriber(9), plan, 2).await?;
    chain.increase_time(DAY).await?;
    charge(&chain, plan, &[Role::Subscriber(9)]).await?;
    caught_up(database.pool(), &chain, &networks[0]).await?;

    let verified = assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
    assert_eq!((verified.plans, verified.subscriptions), (3, 5));
    assert!(running.readiness.faults().await.is_empty());
    running.stop().await
}

#[tokio::test]
async fn a_network_that_is_down_does_not_stop_the_other() -> Result<()> {
    let (mut one, two) = tokio::try_join!(Chain::start(31_337), Chain::start(31_338))?;
    let database = Database::new().await;
    let networks = networks(&[&one, &two], 64)?;
    let running = Running::start(database.pool(), networks.clone());
    caught_up(database.pool(), &one, &networks[0]).await?;
    one.kill().await?;

    token_plan(&two, 1).await?;
    caught_up(database.pool(), &two, &networks[1]).await?;
    reported(&running, "alpha", true).await;
    assert!(!running.readiness.faults().await.iter().any(|fault| fault.starts_with("beta")));

    one.restart().await?;
    token_plan(&one, 1).await?;
    caught_up(database.pool(), &one, &networks[0]).await?;
    reported(&running, "alpha", false).await;
    for network in &networks {
        assert_mirror_equals_chain(database.pool(), network).await?;
    }
    running.stop().await
}

#[tokio::test]
async fn a_node_behind_the_mirror_undoes_nothing() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 64)?;
    let behind = chain.snapshot().await?;
    subscribe(&chain, Role::Subscriber(0), token_plan(&chain, 1).await?, 1).await?;
    chain.mine(3).await?;
    once(database.pool(), networks.clone()).await?;
    let before = cursor(database.pool(), &networks[0]).await?;
    chain.revert(behind).await?;

    once(database.pool(), networks.clone()).await?;
    let running = Running::start(database.pool(), networks.clone());
    reported(&running, "alpha: the node is at", true).await;

    assert_eq!(cursor(database.pool(), &networks[0]).await?, before);
    assert_eq!(count(database.pool(), "active").await?, 1);
    assert_eq!(count(database.pool(), "undone").await?, 0);
    running.stop().await
}

#[tokio::test]
async fn a_network_whose_node_is_down_at_the_start_is_begun_when_it_comes_up() -> Result<()> {
    let (one, two) = tokio::try_join!(Chain::start(31_337), Chain::start(31_338))?;
    let database = Database::new().await;
    let mut networks = networks(&[&one, &two], 64)?;
    // Not anvil itself: while it starts it shows another genesis block for a moment.
    let node = FaultyNode::start(one.url(), 1).await?;
    node.set(Fault::Status { status: 503, when: When::Always });
    networks[0].rpc_urls = vec![node.url().to_owned()];

    let running = Running::start(database.pool(), networks.clone());
    caught_up(database.pool(), &two, &networks[1]).await?;
    reported(&running, "alpha", true).await;
    assert_eq!(cursor(database.pool(), &networks[0]).await?, None);

    node.heal();
    caught_up(database.pool(), &one, &networks[0]).await?;
    assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
    running.stop().await
}

#[tokio::test]
async fn networks_come_and_go_while_the_others_are_followed() -> Result<()> {
    let (one, two) = tokio::try_join!(Chain::start(31_337), Chain::start(31_338))?;
    let database = Database::new().await;
    let networks = networks(&[&one, &two], 64)?;
    let known = watch::Sender::new(networks[..1].to_vec());
    let (pool, shutdown) = (database.pool().clone(), CancellationToken::new());
    let (readiness, stop, subscribed) = (Readiness::new(pool.clone()), shutdown.clone(), known.subscribe());
    let following = tokio::spawn(async move { billing_indexer::follow(&pool, subscribed, readiness, stop).await });
    caught_up(database.pool(), &one, &networks[0]).await?;
    assert_eq!(cursor(database.pool(), &networks[1]).await?, None);

    known.send_replace(networks.clone());
    caught_up(database.pool(), &two, &networks[1]).await?;
    token_plan(&one, 1).await?;
    caught_up(database.pool(), &one, &networks[0]).await?;

    known.send_replace(networks[1..].to_vec());
    token_plan(&two, 2).await?;
    caught_up(database.pool(), &two, &networks[1]).await?;
    // Another process may have the network that was left out.
    once(database.pool(), networks[..1].to_vec()).await?;
    let left = cursor(database.pool(), &networks[0]).await?;
    token_plan(&one, 3).await?;
    token_plan(&two, 4).await?;
    caught_up(database.pool(), &two, &networks[1]).await?;
    assert_eq!(cursor(database.pool(), &networks[0]).await?, left);

    shutdown.cancel();
    following.await?
}

async fn reported(running: &Running, start: &str, expected: bool) {
    let begun = Instant::now();
    while running.readiness.faults().await.iter().any(|fault| fault.starts_with(start)) != expected {
        assert!(begun.elapsed() < Duration::from_secs(20), "no change in readiness: {:?}", running.readiness);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
