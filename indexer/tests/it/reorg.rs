use anyhow::Result;
use test_support::{Chain, Database, Role};

use crate::world::{
    DAY, Running, assert_mirror_equals_chain, caught_up, charge, count, cursor, eventful_history, native_plan,
    networks, once, subscribe, subscribe_native, token_plan, told,
};

#[tokio::test]
async fn a_reorganisation_takes_a_charge_and_a_subscription_back() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 64)?;
    let plan = token_plan(&chain, 1).await?;
    subscribe(&chain, Role::Subscriber(0), plan, 3).await?;
    chain.increase_time(DAY).await?;
    let running = Running::start(database.pool(), networks.clone());
    caught_up(database.pool(), &chain, &networks[0]).await?;
    charge(&chain, plan, &[Role::Subscriber(0)]).await?;
    subscribe(&chain, Role::Subscriber(1), plan, 3).await?;
    chain.mine(1).await?;
    caught_up(database.pool(), &chain, &networks[0]).await?;
    assert_eq!(assert_mirror_equals_chain(database.pool(), &networks[0]).await?.subscriptions, 2);

    chain.reorg(5).await?;
    caught_up(database.pool(), &chain, &networks[0]).await?;

    assert_eq!(assert_mirror_equals_chain(database.pool(), &networks[0]).await?.subscriptions, 1);
    assert_eq!(told(database.pool(), "billing.subscription.reverted.v1").await?.len(), 2);
    assert_eq!(count(database.pool(), "charges").await?, 1);
    charge(&chain, plan, &[Role::Subscriber(0)]).await?;
    caught_up(database.pool(), &chain, &networks[0]).await?;
    assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
    assert_eq!(count(database.pool(), "charges").await?, 2);
    running.stop().await
}

#[tokio::test]
async fn another_branch_while_nobody_looked_is_followed() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 64)?;
    eventful_history(&chain).await?;
    let fork = chain.snapshot().await?;
    let (token, native) = (token_plan(&chain, 5).await?, native_plan(&chain, 6).await?);
    subscribe(&chain, Role::Subscriber(5), token, 3).await?;
    subscribe_native(&chain, Role::Subscriber(3), native, 3).await?;
    chain.increase_time(DAY).await?;
    charge(&chain, token, &[Role::Subscriber(5)]).await?;
    once(database.pool(), networks.clone()).await?;
    assert_mirror_equals_chain(database.pool(), &networks[0]).await?;

    chain.revert(fork).await?;
    chain.mine(3).await?;
    token_plan(&chain, 8).await?;
    chain.mine(20).await?;
    once(database.pool(), networks.clone()).await?;

    let verified = assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
    assert_eq!((verified.plans, verified.subscriptions, verified.deposits), (3, 4, 1));
    // Not a trace of the branch that is gone: a fresh mirror is the same.
    let fresh = Database::new().await;
    once(fresh.pool(), networks.clone()).await?;
    assert_eq!(projections(database.pool()).await?, projections(fresh.pool()).await?);
    Ok(())
}

#[tokio::test]
async fn a_reorganisation_deeper_than_the_headers_kept_touches_nothing() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 0)?;
    chain.mine(30).await?;
    let fork = chain.snapshot().await?;
    chain.mine(40).await?;
    for _ in 0..3 {
        once(database.pool(), networks.clone()).await?;
        chain.mine(1).await?;
    }
    let before = cursor(database.pool(), &networks[0]).await?;
    chain.revert(fork).await?;
    chain.increase_time(5).await?;
    chain.mine(80).await?;

    let refused = once(database.pool(), networks.clone()).await.expect_err("too deep");

    assert!(format!("{refused:#}").contains("oldest header kept"), "{refused:#}");
    assert_eq!(cursor(database.pool(), &networks[0]).await?, before);
    Ok(())
}

/// All projections as text, without what tells when a row was written.
async fn projections(pool: &sqlx::PgPool) -> Result<Vec<String>> {
    let sql = "select plan::text from billing_plan_state as plan
               union all select state::text from billing_subscription_state as state
               union all select deposit::text from billing_native_deposit as deposit
               union all select sequence::text from chain_event_sequence as sequence
               union all select log::text from chain_log as log
               order by 1";
    Ok(sqlx::query_scalar(sql).fetch_all(pool).await?)
}
