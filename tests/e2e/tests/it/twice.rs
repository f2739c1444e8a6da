//! Two workers at once.

use std::{process::Stdio, time::Duration};

use anyhow::{Result, ensure};
use e2e::{Shop, Stack, StackOptions};
use test_support::{Chain, Child, Role};

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_started_at_once_charge_each_period_once() -> Result<()> {
    let stack = Stack::new(vec![Chain::start(31_337).await?], StackOptions::default()).await?;
    let chain = &stack.chains[0];
    let shop = Shop::open(chain).await?;
    for n in 0..12 {
        shop.subscribe(chain, Role::Subscriber(n)).await?;
    }
    for period in 1..=3_u32 {
        chain.increase_time(u64::from(shop.period_secs)).await?;
        stack.run_ok("billing-indexer", &["--once"]).await?;
        let mut workers = Vec::new();
        for name in ["worker-1", "worker-2"] {
            let mut command = stack.command("billing-charge", name)?;
            command.args(["--once", "--limit", "7"]).stdout(Stdio::null());
            workers.push((name, Child::spawn(command)?));
        }
        for (name, mut worker) in workers {
            let status = worker.wait(Duration::from_secs(60)).await?;
            ensure!(status.success(), "{name}: {status}\n{}", stack.log(name));
        }
        for n in 0..12 {
            let count = shop.subscription(chain, Role::Subscriber(n)).await?.chargeCount;
            ensure!(count == period + 1, "subscriber {n}: {count} charges after {period} periods");
        }
    }
    stack.run_ok("billing-indexer", &["--once"]).await?;
    stack.run_ok("billing-indexer", &["verify"]).await?;
    ensure!(crate::books::charges(&stack).await? == (48, 48, 0), "{:?}", crate::books::charges(&stack).await?);
    Ok(())
}
