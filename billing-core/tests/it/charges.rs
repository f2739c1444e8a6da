//! Who is charged, who is not, and what a dry run says about it.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::{Provider, ext::AnvilApi},
};
use anyhow::{Result, ensure};
use billing_bindings::PlanManager;
use billing_core::{
    chain::Rpc,
    charges::{self, Outcome, Reason, RunOptions},
    mirror,
};
use test_support::Role;
use time::{Duration, OffsetDateTime};

use crate::strange_node::{Manner, StrangeNode};
use crate::world::{DAY, PRICE, World, outcomes, row_of, said};

const HAPPY: Role = Role::Subscriber(0);
const POOR: Role = Role::Subscriber(1);
const WARY: Role = Role::Subscriber(2);
const GONE: Role = Role::Subscriber(3);
const TORN: Role = Role::Subscriber(4);
const FROZEN: Role = Role::Subscriber(5);

/// Two plans with a subscriber of each kind, and a third that the operator freezes; all of it due.
async fn a_mix() -> Result<(World, [B256; 3])> {
    let world = World::start().await?;
    let plans = [world.plan(1).await?, world.plan(2).await?, world.plan(3).await?];
    world.subscribe(HAPPY, plans[0], 5).await?;
    world.subscribe(POOR, plans[0], 1).await?;
    world.subscribe(WARY, plans[0], 5).await?;
    world.subscribe(GONE, plans[0], 5).await?;
    world.subscribe(TORN, plans[0], 2).await?;
    world.subscribe(TORN, plans[1], 1).await?;
    world.subscribe(FROZEN, plans[2], 5).await?;
    world.chain.increase_time(DAY).await?;

    world.chain.approve(WARY, world.chain.addresses().subscription_manager, U256::from(PRICE - 1)).await?;
    world.manager(GONE).cancel(plans[0]).send().await?.get_receipt().await?;
    let operator = world.chain.provider_as(Role::Operator);
    let manager = PlanManager::new(world.chain.addresses().plan_manager, operator);
    manager.setPlanFrozen(plans[2], true).send().await?.get_receipt().await?;
    Ok((world, plans))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_charged_on_a_halted_network() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(HAPPY, plan, 5).await?;
    world.chain.increase_time(DAY).await?;
    let chain_id = world.rpc.network.chain_id;
    mirror::halt(&mut *world.pool().acquire().await?, chain_id, "the chain forks below").await?;

    let refused = world.run().await.expect_err("halted");

    assert!(refused.to_string().contains("the chain forks below"), "{refused:#}");
    assert!(world.attempts().await?.is_empty() && world.transactions().await?.is_empty());
    sqlx::query("delete from chain_halt").execute(world.pool()).await?;
    assert_eq!(row_of(&world.run().await?, HAPPY, plan).outcome, Outcome::Charged);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_equal_results() -> Result<()> {
    let (world, plans) = a_mix().await?;

    let predicted = world.dry_run().await?;
    ensure!(world.attempts().await?.is_empty() && world.transactions().await?.is_empty(), "a dry run wrote");
    let done = world.run().await?;

    assert_eq!(said(&predicted), said(&done));
    assert_eq!(row_of(&done, HAPPY, plans[0]).outcome, Outcome::Charged);
    assert_eq!(row_of(&done, POOR, plans[0]).reason, Some(Reason::InsufficientBalance));
    assert_eq!(row_of(&done, WARY, plans[0]).reason, Some(Reason::InsufficientAllowance));
    assert_eq!(row_of(&done, GONE, plans[0]).reason, Some(Reason::NotSubscribed));
    assert_eq!(row_of(&done, FROZEN, plans[2]).reason, Some(Reason::PlanInactive));
    assert!(!done.simulated_apart, "the node simulates blocks");

    assert_eq!(world.charge_count(HAPPY, plans[0]).await?, 2);
    for (who, plan) in [(POOR, plans[0]), (WARY, plans[0]), (GONE, plans[0]), (FROZEN, plans[2])] {
        assert_eq!(world.charge_count(who, plan).await?, 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_one_of_two_plans_pays_one_and_the_prediction_knows() -> Result<()> {
    let (world, plans) = a_mix().await?;

    let predicted = world.dry_run().await?;
    let done = world.run().await?;

    let of_torn = [row_of(&done, TORN, plans[0]), row_of(&done, TORN, plans[1])];
    let mut reasons = of_torn.map(|row| row.reason);
    reasons.sort();
    assert_eq!(reasons, [None, Some(Reason::InsufficientBalance)]);
    assert_eq!(said(&predicted), said(&done));
    let counts = [world.charge_count(TORN, plans[0]).await?, world.charge_count(TORN, plans[1]).await?];
    assert_eq!(counts.iter().sum::<u32>(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_waits_and_is_not_asked_again_before() -> Result<()> {
    let (world, plans) = a_mix().await?;
    let done = world.run().await?;
    let waits = |who: Role, plan: B256| {
        let row = row_of(&done, who, plan);
        row.retry_at.expect("a time")
    };
    let now = OffsetDateTime::from_unix_timestamp(i64::try_from(world.chain.now().await?)?)?;
    for (who, plan, least) in [(POOR, plans[0], 5), (FROZEN, plans[2], 0)] {
        assert!(waits(who, plan) - now > Duration::hours(least), "{who:?}");
    }

    assert!(world.dry_run().await?.rows.is_empty());
    assert!(world.run().await?.rows.is_empty());
    world.chain.increase_time(6 * 3_600 + 60).await?;
    world.chain.mint(POOR.address(), U256::from(PRICE)).await?;
    let later = world.run().await?;
    assert_eq!(row_of(&later, POOR, plans[0]).outcome, Outcome::Charged);
    assert_eq!(world.charge_count(POOR, plans[0]).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dunning_ends_after_five_refusals_and_tells_it_once() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(POOR, plan, 1).await?;
    world.chain.increase_time(DAY).await?;

    for wait in [6 * 3_600, DAY, 3 * DAY, 5 * DAY] {
        assert_eq!(outcomes(&world.run().await?), [Outcome::Skipped]);
        world.chain.increase_time(wait).await?;
    }
    assert_eq!(outcomes(&world.dry_run().await?), [Outcome::Failed]);
    assert_eq!(outcomes(&world.run().await?), [Outcome::Failed]);

    world.chain.increase_time(30 * DAY).await?;
    world.chain.mint(POOR.address(), U256::from(PRICE)).await?;
    assert!(world.run().await?.rows.is_empty());
    let attempts = world.attempts().await?;
    assert_eq!((attempts[0].status.as_str(), attempts[0].attempts), ("failed", 5));
    assert_eq!(world.count("select count(*) from outbox where topic = 'billing.charge.failed.v1'").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_at_once_charge_each_period_once() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    for n in 0..10 {
        world.subscribe(Role::Subscriber(n), plan, 5).await?;
    }
    world.chain.increase_time(DAY).await?;

    let barrier = tokio::sync::Barrier::new(2);
    let worker = async |name: &str| {
        let options = RunOptions { limit: 7, ..world.options(name) };
        barrier.wait().await;
        world.run_with(&options).await
    };
    let (first, second) = tokio::join!(worker("first"), worker("second"));
    let (first, second) = (first?, second?);
    let third = world.run().await?;

    let all: usize = [&first, &second, &third].map(|report| report.written().charged).iter().sum();
    assert_eq!(all, 10, "{first:#?} {second:#?} {third:#?}");
    for n in 0..10 {
        assert_eq!(world.charge_count(Role::Subscriber(n), plan).await?, 2);
    }
    assert_eq!(world.statuses().await?, ["settled"; 10]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_claim_while_it_simulated_sends_nothing() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(HAPPY, plan, 5).await?;
    world.chain.increase_time(DAY).await?;
    let slow_node = StrangeNode::start(world.chain.url(), Manner::Slow(std::time::Duration::from_secs(5))).await?;
    let mut slow = world.rpc.clone();
    slow.network.rpc_urls = vec![slow_node.url.clone()];
    let slow = Rpc::connect(&slow.network).await?;

    let late = RunOptions { lease_secs: 1, ..world.options("late") };
    let signer = Role::Automation.signer();
    let late = charges::run(world.pool(), &slow, &signer, &late);
    let quick = async {
        // Until the late one's lease is over and its simulation is still under way.
        tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
        world.run().await
    };
    let (late, quick) = tokio::join!(late, quick);
    assert_eq!(outcomes(&quick?), [Outcome::Charged]);
    assert_eq!(outcomes(&late?), [Outcome::Error]);
    assert_eq!(world.transactions().await?.len(), 1);
    assert_eq!(world.statuses().await?, ["settled"]);
    assert_eq!(world.charge_count(HAPPY, plan).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn gas_parts_sum_to_what_the_transaction_used() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    for n in 0..3 {
        world.subscribe(Role::Subscriber(n), plan, 5).await?;
    }
    world.chain.increase_time(DAY).await?;
    let report = world.run().await?;
    assert_eq!(outcomes(&report), [Outcome::Charged; 3]);

    let hash = report.rows[0].tx_hash.expect("a transaction");
    let receipt = world.chain.provider().get_transaction_receipt(hash).await?.expect("mined");
    assert_eq!(report.rows.iter().filter_map(|row| row.gas).sum::<u64>(), receipt.gas_used);
    let spent: i64 = world.attempts().await?.iter().filter_map(|attempt| attempt.gas_spent).sum();
    assert_eq!(spent.unsigned_abs(), receipt.gas_used);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_above_the_gas_limit_becomes_several() -> Result<()> {
    let mut world = World::start().await?;
    let plan = world.plan(1).await?;
    for n in 0..8 {
        world.subscribe(Role::Subscriber(n), plan, 5).await?;
    }
    world.chain.increase_time(DAY).await?;
    world.rpc.network.max_gas_per_tx = 500_000;

    let predicted = world.dry_run().await?;
    let done = world.run().await?;
    assert_eq!(said(&predicted), said(&done));
    assert_eq!(outcomes(&done), [Outcome::Charged; 8]);
    assert!(world.transactions().await?.len() > 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_simulate_blocks_is_asked_batch_by_batch_and_the_report_says_so() -> Result<()> {
    let (mut world, plans) = a_mix().await?;
    let old_node = StrangeNode::start(world.chain.url(), Manner::Old).await?;
    world.rpc.network.rpc_urls = vec![old_node.url.clone()];
    world.rpc = Rpc::connect(&world.rpc.network).await?;

    let predicted = world.dry_run().await?;
    assert!(predicted.simulated_apart);
    let done = world.run().await?;
    assert!(done.simulated_apart);
    assert_eq!(row_of(&done, HAPPY, plans[0]).outcome, Outcome::Charged);
    assert_eq!(row_of(&done, POOR, plans[0]).reason, Some(Reason::InsufficientBalance));
    assert_eq!(row_of(&done, FROZEN, plans[2]).reason, Some(Reason::PlanInactive));
    // Each of the two batches alone would find the money; only the chain sees both.
    assert_eq!(row_of(&predicted, TORN, plans[0]).outcome, Outcome::Charged);
    assert_eq!(row_of(&predicted, TORN, plans[1]).outcome, Outcome::Charged);
    let of_torn = [row_of(&done, TORN, plans[0]), row_of(&done, TORN, plans[1])];
    assert_eq!(of_torn.iter().filter(|row| row.outcome == Outcome::Charged).count(), 1, "{of_torn:#?}");
    Ok(())
}

/// Says yes to everything and moves nothing: a batch in it reverts with `ReceivedLessThanCharged`.
const LIAR: &[u8] = &[0x60, 0x01, 0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3];

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_pay_hides_nobody_elses_charge() -> Result<()> {
    let world = World::start().await?;
    let liar = Address::repeat_byte(0x77);
    world.chain.provider().anvil_set_code(liar, Bytes::from_static(LIAR)).await?;
    let plans = [world.plan(1).await?, world.plan_in(liar, 2).await?];
    for n in 0..3 {
        world.subscribe(Role::Subscriber(n), plans[0], 5).await?;
        world.subscribe(Role::Subscriber(n), plans[1], 5).await?;
    }
    world.chain.increase_time(DAY).await?;

    let predicted = world.dry_run().await?;
    let done = world.run().await?;
    assert_eq!(said(&predicted), said(&done));
    for n in 0..3 {
        assert_eq!(row_of(&done, Role::Subscriber(n), plans[0]).outcome, Outcome::Charged);
        assert_eq!(row_of(&done, Role::Subscriber(n), plans[1]).reason, Some(Reason::TransferFailed));
    }
    Ok(())
}

/// Counts what it is told to move, but moves nothing for one payer and says that it did.
fn token_that_cheats_for(payer: Address) -> Bytes {
    let head = "5f3560e01c806370a0823114602257806323b872dd14602b57";
    let (yes, balance) = ("5b60015f5260205ff3", "5b5f545f5260205ff3");
    let transfer_from =
        format!("5b60043573{payer:x}14601957604435 5f54015f55601956").replace("0x", "").replace(' ', "");
    format!("{head}{yes}{balance}{transfer_from}").parse().expect("hex")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_makes_its_batch_revert_is_found_and_the_others_are_charged() -> Result<()> {
    let world = World::start().await?;
    let token = Address::repeat_byte(0x78);
    let cheat = Role::Subscriber(2);
    world.chain.provider().anvil_set_code(token, token_that_cheats_for(cheat.address())).await?;
    let plan = world.plan_in(token, 1).await?;
    for n in 0..5 {
        world.subscribe(Role::Subscriber(n), plan, 5).await?;
    }
    world.chain.increase_time(DAY).await?;

    let predicted = world.dry_run().await?;
    let done = world.run().await?;
    assert_eq!(said(&predicted), said(&done));
    assert_eq!(row_of(&done, cheat, plan).reason, Some(Reason::TransferFailed));
    assert_eq!(done.totals().charged, 4, "{done:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_above_the_cap_sends_nothing_and_is_nobodys_failed_attempt() -> Result<()> {
    let mut world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(HAPPY, plan, 5).await?;
    world.chain.increase_time(DAY).await?;
    let cap = std::mem::replace(&mut world.rpc.network.max_fee_gwei, 0);

    let report = world.run().await?;
    assert_eq!(outcomes(&report), [Outcome::Error]);
    assert!(report.rows[0].error.as_deref().is_some_and(|text| text.contains("max_fee_gwei")), "{report:#?}");
    assert!(world.transactions().await?.is_empty());
    let attempts = world.attempts().await?;
    assert_eq!((attempts[0].status.as_str(), attempts[0].attempts, attempts[0].leased), ("pending", 0, false));

    world.rpc.network.max_fee_gwei = cap;
    assert_eq!(outcomes(&world.run().await?), [Outcome::Charged]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_sends_nothing_more_and_keeps_no_claim() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(HAPPY, plan, 5).await?;
    world.chain.increase_time(DAY).await?;
    let options = world.options("stopped");
    options.stop.cancel();

    assert_eq!(outcomes(&world.run_with(&options).await?), [Outcome::Error]);
    assert!(world.transactions().await?.is_empty());
    assert_eq!(outcomes(&world.run().await?), [Outcome::Charged]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_costs_no_attempt_and_no_claim() -> Result<()> {
    let mut world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(HAPPY, plan, 5).await?;
    world.chain.increase_time(DAY).await?;
    world.chain.kill().await?;
    assert!(world.run().await.is_err());
    world.chain.restart().await?;
    // A restarted anvil forgets how far its clock was ahead.
    world.chain.increase_time(DAY).await?;
    assert_eq!(outcomes(&world.run().await?), [Outcome::Charged]);
    assert_eq!(world.attempts().await?[0].attempts, 0);
    Ok(())
}
