use anyhow::Result;
use test_support::{Chain, Database};

use crate::world::{assert_mirror_equals_chain, count, eventful_history, networks, once, subscribe, token_plan, told};
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
async fn logs_that_were_lost_before_are_read_again() -> Result<()> {
    for later in [true, false] {
        let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
        token_plan(&chain, 1).await?;
        chain.mine(5).await?;
        let networks = networks(&[&chain], 64)?;
        once(database.pool(), networks.clone()).await?;
        // As if the node had left the last plan out, and had not been able to count.
        sqlx::raw_sql(
            "with lost as (delete from chain_log where topic0 = (select topic0 from chain_log order by block_number desc limit 1)
                            returning address)
             update chain_event_sequence set last_sequence = last_sequence - 1 where address in (select address from lost);
             delete from billing_plan_state",
        )
        .execute(database.pool())
        .await?;
        // With an event of that contract the numbers show it, without one its own count.
        if later {
            token_plan(&chain, 2).await?;
        } else {
            chain.mine(1).await?;
        }

        once(database.pool(), networks.clone()).await?;

        let verified = assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
        assert_eq!(verified.plans, if later { 2 } else { 1 });
    }
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
