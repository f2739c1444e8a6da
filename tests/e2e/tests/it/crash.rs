//! Programs killed at any instant.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use e2e::{Shop, Stack, StackOptions, waiting_transactions};
use test_support::{Chain, Child, Role};

const SUBSCRIBERS: u32 = 3;
const KILLS: u32 = 50;

/// Odd kills hit `billing-charge` after its broadcast and before it could see a receipt, since nothing is mined; even
/// ones hit it at an instant that moves through its whole run. The indexer follows all the while and is killed at
/// another instant each time.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_no_charge_and_double_none() -> Result<()> {
    let stack = Stack::new(vec![Chain::start(31_337).await?], StackOptions::default()).await?;
    let chain = &stack.chains[0];
    let shop = Shop::open(chain).await?;
    for n in 0..SUBSCRIBERS {
        shop.subscribe(chain, Role::Subscriber(n)).await?;
    }
    for kill in 1..=KILLS {
        chain.increase_time(u64::from(shop.period_secs)).await?;
        let mut indexer = stack.start_indexer()?;
        tokio::time::sleep(Duration::from_millis(u64::from(kill * 7 % 350))).await;
        indexer.kill();
        stack.run_ok("billing-indexer", &["--once"]).await?;

        chain.set_automine(false).await?;
        let mut command = stack.command("billing-charge", "killed")?;
        command.args(["--once", "--lease", "1"]).stdout(Stdio::null());
        let mut worker = Child::spawn(command)?;
        if kill % 2 == 1 {
            wait_for_broadcast(&stack, &mut worker).await?;
        } else {
            tokio::time::sleep(Duration::from_millis(u64::from(kill * 8))).await;
        }
        worker.kill();
        chain.mine(1).await?;
        chain.set_automine(true).await?;

        charge_until_done(&stack, &shop, kill).await?;
    }
    stack.run_ok("billing-indexer", &["--once"]).await?;
    stack.run_ok("billing-indexer", &["verify"]).await?;
    let expected = i64::from(SUBSCRIBERS * (KILLS + 1));
    let found = crate::books::charges(&stack).await?;
    ensure!(found == (expected, expected, 0), "{found:?}, {expected} charges on chain");
    Ok(())
}

async fn wait_for_broadcast(stack: &Stack, worker: &mut Child) -> Result<()> {
    let begun = Instant::now();
    while waiting_transactions(&stack.chains[0]).await? == 0 {
        ensure!(begun.elapsed() < Duration::from_secs(15), "nothing was broadcast\n{}", stack.log("killed"));
        ensure!(worker.status()?.is_none(), "the worker ended before it broadcast\n{}", stack.log("killed"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// The next worker finishes what the killed one left, also what it had claimed, as soon as the claim's lease is over.
async fn charge_until_done(stack: &Stack, shop: &Shop, kill: u32) -> Result<()> {
    let begun = Instant::now();
    loop {
        stack.run_ok("billing-charge", &["--once", "--lease", "1", "--receipt-wait", "10"]).await?;
        let mut counts = Vec::new();
        for n in 0..SUBSCRIBERS {
            counts.push(shop.subscription(&stack.chains[0], Role::Subscriber(n)).await?.chargeCount);
        }
        ensure!(counts.iter().all(|&count| count <= kill + 1), "charged twice at kill {kill}: {counts:?}");
        if counts.iter().all(|&count| count == kill + 1) {
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(20), "not charged after kill {kill}: {counts:?}");
        stack.run_ok("billing-indexer", &["--once"]).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
