//! Blocks that are taken back.

use anyhow::{Result, ensure};
use e2e::{Shop, Stack, StackOptions};
use sqlx::Row;
use test_support::{Chain, Role};

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_dropped_by_a_five_block_reorg_returns_to_due_and_is_made_once() -> Result<()> {
    let stack = Stack::new(vec![Chain::start(31_337).await?], StackOptions::default()).await?;
    let chain = &stack.chains[0];
    let shop = Shop::open(chain).await?;
    shop.subscribe(chain, Role::Subscriber(0)).await?;
    chain.increase_time(u64::from(shop.period_secs)).await?;
    chain.mine(5).await?;
    stack.run_ok("billing-indexer", &["--once"]).await?;

    stack.run_ok("billing-charge", &["--once"]).await?;
    shop.subscribe(chain, Role::Subscriber(1)).await?;
    chain.mine(1).await?;
    stack.run_ok("billing-indexer", &["--once"]).await?;
    ensure!(shop.subscription(chain, Role::Subscriber(0)).await?.chargeCount == 2, "not charged");
    ensure!(subscriptions(&stack).await? == 2, "both subscriptions are mirrored");
    ensure!(crate::books::charges(&stack).await? == (3, 3, 0), "three charges confirmed");

    chain.reorg(5).await?;
    ensure!(shop.subscription(chain, Role::Subscriber(0)).await?.chargeCount == 1, "the charge is still there");
    stack.run_ok("billing-indexer", &["--once"]).await?;
    stack.run_ok("billing-indexer", &["verify"]).await?;
    ensure!(subscriptions(&stack).await? == 1, "the second subscription is gone");
    let statuses = sqlx::query("select status from billing_charge_attempt order by due_at")
        .fetch_all(stack.database.pool())
        .await?;
    let statuses: Vec<String> = statuses.iter().map(|row| row.get("status")).collect();
    ensure!(statuses == ["pending"], "the dropped charge is {statuses:?}");
    ensure!(crate::books::charges(&stack).await? == (1, 2, 0), "{:?}", crate::books::charges(&stack).await?);

    for _ in 0..2 {
        stack.run_ok("billing-charge", &["--once"]).await?;
        stack.run_ok("billing-indexer", &["--once"]).await?;
    }
    stack.run_ok("billing-indexer", &["verify"]).await?;
    ensure!(shop.subscription(chain, Role::Subscriber(0)).await?.chargeCount == 2, "not charged again");
    ensure!(crate::books::charges(&stack).await? == (2, 2, 0), "{:?}", crate::books::charges(&stack).await?);
    Ok(())
}

async fn subscriptions(stack: &Stack) -> Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from billing_subscription_state").fetch_one(stack.database.pool()).await?)
}
