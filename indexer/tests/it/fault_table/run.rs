//! How a row is run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use billing_core::chain::Network;
use futures::future::join_all;
use test_support::{Chain, Database, Fault, FaultyNode, Role, When};

use super::row::{Course, Row, Seen};
use crate::{
    content::{Watch, assert_same, fresh},
    world::{
        DAY, Running, assert_mirror_equals_chain, caught_up, charge, eventful_history, networks, subscribe, token_plan,
    },
};

/// How long a fault that heals stays after the chain came to rest.
const BAD_TIME: Duration = Duration::from_secs(2);

/// An indexer behind a node of its own.
struct Stand {
    row: Row,
    node: FaultyNode,
    database: Database,
    running: Running,
    watch: Watch,
}

impl Stand {
    async fn start(row: Row, chain: &Chain, good: &Network, seed: u64) -> Result<Self> {
        let node = FaultyNode::start(chain.url(), seed).await?;
        match row.course {
            Course::Heals => {}
            Course::ComesBackBesideAGoodOne => node.set(Fault::Status { status: 502, when: When::Always }),
            Course::Stays | Course::StaysBesideAGoodOne => node.set_all(row.faults.clone()),
        }
        let urls = [Some(node.url().to_owned()), row.is_beside_a_good_one().then(|| chain.url())];
        let network = Network { rpc_urls: urls.into_iter().flatten().collect(), ..good.clone() };
        let database = Database::new().await;
        let watch = Watch::start(database.pool(), network.chain_id);
        let running = Running::start(database.pool(), vec![network]);
        Ok(Self { row, node, database, running, watch })
    }

    async fn at_head(&self, chain: &Chain, good: &Network) -> Result<()> {
        tokio::select! {
            reached = caught_up(self.database.pool(), chain, good) => reached,
            ended = self.running.ended() => Err(ended),
        }
    }

    async fn finish(self, since: Instant, chain: &Chain, good: &Network) -> Result<Seen> {
        self.at_head(chain, good).await?;
        let recovery = since.elapsed();
        let (requests, questions, spoiled) = (self.node.requests(), self.node.all_calls(), self.node.spoiled());
        ensure!(spoiled > 0, "nothing was spoiled in {requests} requests");
        assert_mirror_equals_chain(self.database.pool(), good).await?;
        let reference = fresh(vec![good.clone()]).await?;
        assert_same(self.database.pool(), reference.pool()).await?;
        let states = self.watch.assert_never_wrong(chain, reference.pool()).await?;
        self.running.stop().await?;
        Ok(Seen { recovery, requests, questions, spoiled, states })
    }
}

/// What happens on the chain while the nodes are bad.
async fn grow(chain: &Chain) -> Result<()> {
    for salt in 40..43 {
        let plan = token_plan(chain, salt).await?;
        let who = Role::Subscriber(u32::try_from(salt - 30)?);
        subscribe(chain, who, plan, 3).await?;
        chain.increase_time(DAY).await?;
        charge(chain, plan, &[who]).await?;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    chain.mine(2).await
}

pub async fn run(rows: Vec<Row>) -> Result<()> {
    let chain = Chain::start(31_337).await?;
    let good = networks(&[&chain], 8)?.remove(0);
    eventful_history(&chain).await?;
    let starts = rows.into_iter().zip(1..).map(|(row, seed)| Stand::start(row, &chain, &good, seed));
    let stands = join_all(starts).await.into_iter().collect::<Result<Vec<_>>>()?;
    for stand in
        stands.iter().filter(|stand| matches!(stand.row.course, Course::Heals | Course::ComesBackBesideAGoodOne))
    {
        stand.at_head(&chain, &good).await.with_context(|| format!("before: {}", stand.row.name))?;
        stand.node.set_all(stand.row.faults.clone());
    }

    grow(&chain).await?;
    let at_rest = Instant::now();
    let ends = stands.into_iter().map(|stand| async {
        let row = stand.row.clone();
        let heals = row.course == Course::Heals;
        if heals {
            tokio::time::sleep(BAD_TIME).await;
            stand.node.heal();
        }
        let since = if heals { Instant::now() } else { at_rest };
        let seen = stand.finish(since, &chain, &good).await;
        (row, seen)
    });
    report(join_all(ends).await)
}

fn report(ends: Vec<(Row, Result<Seen>)>) -> Result<()> {
    let mut table = String::new();
    let mut failed = Vec::new();
    for (row, seen) in ends {
        match seen {
            Ok(seen) => table.push_str(&format!("{}\n", seen.line(&row))),
            Err(error) => failed.push(format!("{}: {error:#}", row.name)),
        }
    }
    eprintln!("| node | course | recovery | spoiled | states compared |\n|---|---|---|---|---|\n{table}");
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
