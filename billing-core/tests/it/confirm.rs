//! What the mirror says about charges.

use alloy::primitives::B256;
use anyhow::Result;
use billing_core::{
    charges::{self, ConfirmedCharge, Outcome},
    ids::SubscriptionKey,
    money::TokenAmount,
};
use test_support::Role;
use time::{Duration, OffsetDateTime};

use crate::world::{DAY, PRICE, World, outcomes};

const WHO: Role = Role::Subscriber(0);

async fn due_at(world: &World) -> Result<OffsetDateTime> {
    Ok(sqlx::query_scalar("select next_charge_at from billing_subscription_state").fetch_one(world.pool()).await?)
}

fn charge(world: &World, plan: B256, due_at: OffsetDateTime, block_number: i64) -> ConfirmedCharge {
    ConfirmedCharge {
        key: SubscriptionKey { chain_id: world.chain_id(), plan_hash: plan, subscriber: WHO.address() },
        due_at,
        period_start: due_at,
        period_end: due_at + Duration::days(1),
        gross: TokenAmount(alloy::primitives::U256::from(PRICE)),
        fee: TokenAmount::ZERO,
        token: world.chain.addresses().token,
        tx_hash: B256::repeat_byte(1),
        block_number,
        block_hash: B256::repeat_byte(2),
        log_index: 0,
    }
}

async fn subscribed() -> Result<(World, B256)> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(WHO, plan, 5).await?;
    Ok((world, plan))
}

async fn confirm(world: &World, charges: &[ConfirmedCharge]) -> Result<()> {
    Ok(charges::confirm(&mut *world.pool().acquire().await?, world.chain_id(), charges).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_nobody_here_made_leaves_no_row_and_touches_no_other() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.subscribe(Role::Subscriber(1), plan, 5).await?;
    world.chain.increase_time(DAY).await?;
    world.chain.set_automine(false).await?;
    world.run_hastily().await?;
    let due = due_at(&world).await?;
    sqlx::query("delete from billing_charge_attempt where subscriber = $1")
        .bind(WHO.address().as_slice())
        .execute(world.pool())
        .await?;
    let before = world.attempts().await?;

    confirm(&world, &[charge(&world, plan, due, 70)]).await?;

    assert_eq!(before.len(), 1);
    assert_eq!(world.attempts().await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_charged_is_not_charged_again() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    let due = due_at(&world).await?;
    let manager = world.manager(Role::Automation);
    let batch = manager.chargeBatch(plan, WHO.address().to_vec().into());
    assert!(batch.send().await?.get_receipt().await?.status());
    world.mirror(WHO, plan).await?;
    confirm(&world, &[charge(&world, plan, due, 70)]).await?;

    assert!(world.run().await?.rows.is_empty());
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    assert!(world.attempts().await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_was_given_up_is_settled_when_the_chain_was_paid_after_all() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    let due = due_at(&world).await?;
    world.run().await?;
    for status in ["failed", "canceled"] {
        sqlx::query("update billing_charge_attempt set status = $1, confirmed_block = null, reason = 3")
            .bind(status)
            .execute(world.pool())
            .await?;
        confirm(&world, &[charge(&world, plan, due, 70)]).await?;
        let attempt = &world.attempts().await?[0];
        assert_eq!((attempt.status.as_str(), attempt.confirmed_block, attempt.reason), ("settled", Some(70), None));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn told_again_a_charge_changes_nothing() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    let charges = [charge(&world, plan, due_at(&world).await?, 70)];
    world.run().await?;
    confirm(&world, &charges).await?;
    let once = world.attempts().await?;
    confirm(&world, &charges).await?;
    assert_eq!(world.attempts().await?, once);
    assert_eq!(once[0].confirmed_block, Some(70));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_charges_in_one_stretch_the_first_settles_its_attempt_and_the_second_cancels_nothing() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    world.chain.set_automine(false).await?;
    world.run_hastily().await?;
    let due = due_at(&world).await?;
    confirm(&world, &[charge(&world, plan, due, 70), charge(&world, plan, due + Duration::days(1), 71)]).await?;
    let attempts = world.attempts().await?;
    assert_eq!((attempts.len(), attempts[0].status.as_str(), attempts[0].confirmed_block), (1, "settled", Some(70)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_charge_ends_what_is_open_for_an_earlier_time() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    world.chain.set_automine(false).await?;
    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Pending]);
    let later = charge(&world, plan, due_at(&world).await? + Duration::days(1), 70);
    confirm(&world, &[later]).await?;
    assert_eq!(world.statuses().await?, ["canceled"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_may_come_before_the_receipt() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    world.chain.set_automine(false).await?;
    world.run_hastily().await?;
    world.chain.mine(1).await?;
    confirm(&world, &[charge(&world, plan, due_at(&world).await?, 70)]).await?;
    let before = world.attempts().await?;

    world.run_hastily().await?;
    let after = world.attempts().await?;
    assert_eq!(after[0].confirmed_block, before[0].confirmed_block);
    assert_eq!(after[0].status, "settled");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_charge_of_ours_is_due_again_when_its_block_is_gone() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    let due = due_at(&world).await?;
    assert_eq!(outcomes(&world.run().await?), [Outcome::Charged]);
    let mined = world.attempts().await?[0].mined_block.expect("mined");
    confirm(&world, &[charge(&world, plan, due, mined)]).await?;

    world.chain.reorg(1).await?;
    charges::unconfirm_above(&mut *world.pool().acquire().await?, world.chain_id(), mined - 1).await?;
    assert_eq!(world.statuses().await?, ["pending"]);
    for _ in 0..2 {
        world.run().await?;
    }
    assert_eq!(world.statuses().await?, ["settled"]);
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}
