//! Logs that were lost are read again, while the chain changes its branch.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::Result;
use sqlx::postgres::PgConnectOptions;
use test_support::{Database, Fate, NodeFault, Traffic};

use super::{
    expected::Expected,
    network::{Kind, Simulated},
    quiet::Wait,
    replica::Replica,
};

const KIND: Kind = Kind { nodes: 1, log_times: true, finality: 64, confirmations: 0, traffic: Traffic::HEAVY };

/// The node heals after so many questions: somewhere between the last gap and the answer of where to go back to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_changes_meanwhile_is_followed() -> Result<()> {
    for questions in [11, 12, 13] {
        let simulated = Simulated::start("alpha", 31_337, 7, KIND).await?;
        let database = Database::new().await;
        let mut replica = Replica::default();
        let (all, node) = (std::slice::from_ref(&simulated), &simulated.nodes[0]);
        simulated.chain.append(30, Traffic::HEAVY);
        let options = PgConnectOptions::from_str(database.url())?;
        replica.ensure(options, std::slice::from_ref(&simulated.network)).await?;
        Wait::new(database.pool()).until_over(all).await?;
        // A block is lost: the node neither gives its logs nor counts.
        node.set_fault(Some(NodeFault::Blind { every: 1 }));
        simulated.chain.append(1, Traffic::HEAVY);
        Wait::new(database.pool()).until_over(all).await?;
        node.set_fault(Some(NodeFault::BadGateway { every: 1 }));
        simulated.chain.append(1, Traffic::HEAVY);
        simulated.chain.reorg(8, 12, Fate::Kept);
        let (start, begun) = (node.requests(), Instant::now());
        node.set_fault(Some(NodeFault::OldBranch { every: 1 }));
        while node.requests() < start + questions && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        node.set_fault(None);

        Wait::new(database.pool()).until_over(all).await?;

        Expected::new().await.assert_holds(database.pool(), &simulated).await?;
        replica.kill().await;
    }
    Ok(())
}
