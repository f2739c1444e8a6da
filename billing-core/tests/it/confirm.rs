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
        merchant: Role::Merchant(0).address(),
        tx_hash: B256::repeat_byte(1),
        block_number,
        block_hash: B256::repeat_byte(2),
        log_index: 0,
        block_time: due_at,
    }
}

async fn subscribed() -> Result<(World, B256)> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(WHO, plan, 5).await?;
    Ok((world, plan))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_nobody_here_made_is_confirmed_once_and_goes_with_its_block() -> Result<()> {
    let (world, plan) = subscribed().await?;
    let confirmed = charge(&world, plan, due_at(&world).await?, 70);
    let mut conn = world.pool().acquire().await?;
    charges::confirm(&mut conn, &confirmed).await?;
    let once = world.attempts().await?;
    charges::confirm(&mut conn, &confirmed).await?;
    assert_eq!(world.attempts().await?, once);
    assert_eq!((once[0].status.as_str(), once[0].confirmed_block), ("settled", Some(70)));

    charges::unconfirm_above(&mut conn, world.chain_id(), 70).await?;
    assert_eq!(world.attempts().await?, once, "block 70 stays");
    charges::unconfirm_above(&mut conn, world.chain_id(), 69).await?;
    assert!(world.attempts().await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_charged_is_not_charged_again() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    let mut conn = world.pool().acquire().await?;
    charges::confirm(&mut conn, &charge(&world, plan, due_at(&world).await?, 70)).await?;
    assert!(world.run().await?.rows.is_empty());
    assert_eq!(world.charge_count(WHO, plan).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_charge_ends_what_is_open_for_an_earlier_time() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    world.chain.set_automine(false).await?;
    assert_eq!(outcomes(&world.run_hastily().await?), [Outcome::Pending]);
    let mut conn = world.pool().acquire().await?;
    let later = charge(&world, plan, due_at(&world).await? + Duration::days(1), 70);
    charges::confirm(&mut conn, &later).await?;
    assert_eq!(world.statuses().await?, ["canceled", "settled"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_may_come_before_the_receipt() -> Result<()> {
    let (world, plan) = subscribed().await?;
    world.chain.increase_time(DAY).await?;
    world.chain.set_automine(false).await?;
    world.run_hastily().await?;
    world.chain.mine(1).await?;
    let mut conn = world.pool().acquire().await?;
    charges::confirm(&mut conn, &charge(&world, plan, due_at(&world).await?, 70)).await?;
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
    let mut conn = world.pool().acquire().await?;
    charges::confirm(&mut conn, &charge(&world, plan, due, mined)).await?;

    world.chain.reorg(1).await?;
    charges::unconfirm_above(&mut conn, world.chain_id(), mined - 1).await?;
    assert_eq!(world.statuses().await?, ["pending"]);
    for _ in 0..2 {
        world.run().await?;
    }
    assert_eq!(world.statuses().await?, ["settled"]);
    assert_eq!(world.charge_count(WHO, plan).await?, 2);
    Ok(())
}
