//! Runs that ended too early, and chains that changed their mind.

use alloy::{
    network::TransactionBuilder,
    primitives::U256,
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
};
use anyhow::Result;
use billing_core::{
    chain,
    charges::{self, Outcome, Reason},
};
use test_support::Role;

use crate::world::{DAY, World, outcomes};

const WHO: Role = Role::Subscriber(0);

/// One subscription that is due, on a chain that mines only when told to.
async fn due() -> Result<(World, alloy::primitives::B256)> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(WHO, plan, 5).await?;
    world.chain.increase_time(DAY).await?;
    world.chain.set_automine(false).await?;
    Ok((world, plan))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_but_never_broadcast_is_sent_by_the_next_run() -> Result<()> {
    let (world, plan) = due().await?;
    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Pending]);
    let (_, _, hash, _) = world.transactions().await?[0];
    world.chain.provider().anvil_drop_transaction(hash).await?;
    world.chain.mine(1).await?;
    assert_eq!(world.charge_count(WHO, plan).await?, 1);

    assert!(world.run_hastily().await?.rows.is_empty());
    world.chain.mine(1).await?;
    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Charged]);
    assert_eq!(world.statuses().await?, ["settled"]);
    assert_eq!(world.transactions().await?.len(), 1);
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_mined_but_not_recorded_is_recorded_by_the_next_run() -> Result<()> {
    let (world, plan) = due().await?;
    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Pending]);
    world.chain.mine(1).await?;
    let report = world.run_hastily().await?;
    assert_eq!(outcomes(&report), [Outcome::Charged]);
    assert_eq!(report.written().charged, 1);
    assert_eq!(world.statuses().await?, ["settled"]);
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_between_the_transactions_outcome_and_the_charges_loses_nothing() -> Result<()> {
    let (world, _) = due().await?;
    world.run_hastily().await?;
    world.chain.mine(1).await?;
    chain::resolve(world.pool(), &world.rpc, &Role::Automation.signer()).await?;
    assert_eq!(world.transaction_statuses().await?, ["mined"]);
    assert_eq!(world.statuses().await?, ["submitted"]);

    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Charged]);
    assert_eq!(world.statuses().await?, ["settled"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_too_long_is_replaced_with_a_higher_fee_and_mined_once() -> Result<()> {
    let (mut world, plan) = due().await?;
    world.rpc.network.replace_after_secs = 0;
    world.run_hastily().await?;
    world.run_hastily().await?;
    let transactions = world.transactions().await?;
    assert_eq!(world.transaction_statuses().await?, ["replaced", "pending"]);
    assert_eq!(transactions[0].0, transactions[1].0, "one nonce");
    assert!(transactions[1].3 >= transactions[0].3 * 1_125 / 1_000, "{transactions:?}");

    world.chain.mine(1).await?;
    let report = world.run_hastily().await?;
    assert_eq!(outcomes(&report), [Outcome::Charged]);
    assert_eq!(report.rows[0].tx_hash, Some(transactions[1].2));
    assert_eq!(world.transaction_statuses().await?, ["replaced", "mined"]);
    assert_eq!(world.attempts().await?[0].tx_hash, Some(transactions[1].2));
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replaced_one_may_be_mined_instead() -> Result<()> {
    let (mut world, plan) = due().await?;
    world.run_hastily().await?;
    let raw: Vec<u8> = sqlx::query_scalar("select raw from chain_tx").fetch_one(world.pool()).await?;
    world.rpc.network.replace_after_secs = 0;
    world.run_hastily().await?;
    let transactions = world.transactions().await?;
    world.chain.provider().anvil_drop_transaction(transactions[1].2).await?;
    world.chain.provider().send_raw_transaction(&raw).await?.tx_hash();
    world.chain.mine(1).await?;

    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Charged]);
    assert_eq!(world.transaction_statuses().await?, ["mined", "replaced"]);
    assert_eq!(world.attempts().await?[0].tx_hash, Some(transactions[0].2));
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_taken_by_a_stranger_frees_the_charge() -> Result<()> {
    let (world, plan) = due().await?;
    world.run_hastily().await?;
    let (nonce, _, hash, _) = world.transactions().await?[0];
    let provider = world.chain.provider_as(Role::Automation);
    provider.anvil_drop_transaction(hash).await?;
    let foreign = TransactionRequest::default()
        .with_to(Role::Admin.address())
        .with_value(U256::from(1))
        .with_nonce(nonce.unsigned_abs());
    let _ = provider.send_transaction(foreign).await?;
    world.chain.mine(1).await?;

    world.chain.set_automine(true).await?;
    assert_eq!(outcomes(&world.run().await?), [Outcome::Charged]);
    assert_eq!(world.transaction_statuses().await?, ["dropped", "mined"]);
    assert_eq!(world.statuses().await?, ["settled"]);
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphaned_charge_is_made_again_by_the_same_transaction() -> Result<()> {
    let (world, plan) = due().await?;
    world.chain.mine(3).await?;
    world.chain.set_automine(true).await?;
    assert_eq!(outcomes(&world.run().await?), [Outcome::Charged]);
    let mined = world.attempts().await?[0].mined_block.expect("mined");
    world.chain.reorg(1).await?;
    assert_eq!(world.charge_count(WHO, plan).await?, 1, "the reorganisation took the charge");

    let mut conn = world.pool().acquire().await?;
    charges::reopen_orphaned(&mut conn, world.chain_id(), mined - 1).await?;
    assert_eq!(world.statuses().await?, ["settled"], "the mirror is not there yet");
    charges::reopen_orphaned(&mut conn, world.chain_id(), mined).await?;
    assert_eq!(world.statuses().await?, ["pending"]);

    for _ in 0..2 {
        world.run().await?;
    }
    assert_eq!(world.transaction_statuses().await?, ["mined"], "no second transaction");
    assert_eq!(world.statuses().await?, ["settled"]);
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_a_key_that_was_replaced_are_followed_to_their_end() -> Result<()> {
    let (world, plan) = due().await?;
    world.run_hastily().await?;
    let (_, _, hash, _) = world.transactions().await?[0];
    world.chain.provider().anvil_drop_transaction(hash).await?;
    let successor = Role::Merchant(9).signer();
    let options = world.options("successor");
    let hasty = charges::RunOptions { receipt_wait: std::time::Duration::ZERO, ..options };
    charges::run(world.pool(), &world.rpc, &successor, &hasty).await?;
    world.chain.mine(1).await?;
    let report = charges::run(world.pool(), &world.rpc, &successor, &hasty).await?;
    assert_eq!(outcomes(&report), [Outcome::Charged]);
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}

/// The subscriber takes the approval back in the block of the charge, before it: no simulation could know.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_on_chain_is_recorded_once_by_two_workers() -> Result<()> {
    let (world, plan) = due().await?;
    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Pending]);
    let mut approve = alloy::hex::decode("095ea7b3")?;
    approve.extend(world.rpc.network.subscription_manager.into_word());
    approve.extend([0; 32]);
    let taken_back = TransactionRequest::default()
        .with_to(world.chain.addresses().token)
        .with_input(approve)
        .with_max_priority_fee_per_gas(50_000_000_000)
        .with_max_fee_per_gas(100_000_000_000);
    let _ = world.chain.provider_as(WHO).send_transaction(taken_back).await?;
    world.chain.mine(1).await?;

    let (one, other) = (world.options("one"), world.options("other"));
    let (first, second) = tokio::join!(world.run_with(&one), world.run_with(&other));
    let rows: Vec<_> = [first?, second?].into_iter().flat_map(|report| report.rows).collect();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!((rows[0].outcome, rows[0].reason), (Outcome::Skipped, Some(Reason::InsufficientAllowance)));
    let attempt = &world.attempts().await?[0];
    assert_eq!((attempt.status.as_str(), attempt.attempts), ("pending", 1));
    assert!(attempt.retry_at.is_some() && attempt.gas_spent.is_some());
    assert_eq!(world.charge_count(WHO, plan).await?, 1);
    Ok(())
}
