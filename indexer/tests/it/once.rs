use anyhow::Result;
use test_support::{Chain, Database};

use crate::world::{
    assert_mirror_equals_chain, count, cursor, eventful_history, networks, once, subscribe, token_plan, told,
};
use test_support::Role;

#[tokio::test]
async fn a_backfill_gives_what_the_contracts_say() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    // Few final blocks make both ways of fetching meet.
    for finality_depth in [4, 1_000] {
        let networks = networks(&[&chain], finality_depth)?;
        let database = Database::new().await;

        once(database.pool(), networks.clone()).await?;

        let verified = assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
        assert_eq!((verified.plans, verified.subscriptions, verified.deposits), (2, 4, 1));
    }
    drop(database);
    Ok(())
}

#[tokio::test]
async fn running_again_changes_nothing() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    let networks = networks(&[&chain], 8)?;
    once(database.pool(), networks.clone()).await?;
    let before = (count(database.pool(), "logs").await?, count(database.pool(), "outbox").await?);

    once(database.pool(), networks.clone()).await?;

    assert_eq!((count(database.pool(), "logs").await?, count(database.pool(), "outbox").await?), before);
    assert_mirror_equals_chain(database.pool(), &networks[0]).await.map(drop)
}

#[tokio::test]
async fn two_indexers_of_one_network_take_turns() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    chain.mine(100).await?;
    let networks = networks(&[&chain], 1_000)?;

    let both = (once(database.pool(), networks.clone()), once(database.pool(), networks.clone()));
    let (one, two) = tokio::join!(both.0, both.1);
    one?;
    two?;

    let charged = told(database.pool(), "billing.subscription.charged.v1").await?.len();
    let logs: i64 = sqlx::query_scalar("select count(distinct (address, sequence)) from chain_log")
        .fetch_one(database.pool())
        .await?;
    assert_eq!(logs, count(database.pool(), "logs").await?);
    assert!(charged > 4);
    assert_mirror_equals_chain(database.pool(), &networks[0]).await.map(drop)
}

#[tokio::test]
async fn confirmations_keep_the_mirror_behind_the_head() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    subscribe(&chain, Role::Subscriber(0), token_plan(&chain, 1).await?, 1).await?;
    let mut networks = networks(&[&chain], 64)?;
    networks[0].confirmations = 1;

    once(database.pool(), networks.clone()).await?;
    assert_eq!(count(database.pool(), "subscriptions").await?, 0);

    chain.mine(1).await?;
    once(database.pool(), networks.clone()).await?;
    assert_eq!(count(database.pool(), "subscriptions").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_missing_event_stops_the_cursor() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    token_plan(&chain, 1).await?;
    let networks = networks(&[&chain], 64)?;
    once(database.pool(), networks.clone()).await?;
    let before = cursor(database.pool(), &networks[0]).await?;
    // As if the node had left the first event out.
    sqlx::query("update chain_event_sequence set last_sequence = last_sequence - 1").execute(database.pool()).await?;
    token_plan(&chain, 2).await?;

    let refused = once(database.pool(), networks.clone()).await.expect_err("a gap");

    assert!(refused.to_string().contains("left out logs"), "{refused:#}");
    assert_eq!(cursor(database.pool(), &networks[0]).await?, before);
    // The first plan, and the fee that was set at the deployment.
    assert_eq!(count(database.pool(), "logs").await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_contract_that_counts_more_events_than_were_given_stops_the_cursor() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    token_plan(&chain, 1).await?;
    let networks = networks(&[&chain], 64)?;
    once(database.pool(), networks.clone()).await?;
    let before = cursor(database.pool(), &networks[0]).await?;
    sqlx::query("update chain_event_sequence set last_sequence = last_sequence - 1").execute(database.pool()).await?;
    // No event of ours in it.
    chain.mine(1).await?;

    let refused = once(database.pool(), networks.clone()).await.expect_err("a gap");

    assert!(refused.to_string().contains("left out logs"), "{refused:#}");
    assert_eq!(cursor(database.pool(), &networks[0]).await?, before);
    Ok(())
}

#[tokio::test]
async fn another_chain_of_the_same_id_is_refused() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 64)?;
    once(database.pool(), networks.clone()).await?;
    sqlx::query("update chain_network set genesis_hash = sha256(genesis_hash)").execute(database.pool()).await?;

    let refused = once(database.pool(), networks).await.expect_err("another genesis");

    assert!(format!("{refused:#}").contains("genesis"), "{refused:#}");
    Ok(())
}
