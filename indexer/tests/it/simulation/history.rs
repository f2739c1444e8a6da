//! One history from its seed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use billing_core::mirror::{self, MirrorError, Refolded};
use rand::{SeedableRng, rngs::StdRng};
use test_support::{Database, Traffic};
use tokio::task::JoinSet;

use super::{
    expected::Expected,
    figures::Figures,
    link::Link,
    network::{Kind, Simulated},
    quiet::Wait,
    replica::{Replica, SESSION},
    step::{Pause, Step},
    trip,
};

/// How long the nodes may go unasked before a step no longer waits for it.
const PATIENCE: Duration = Duration::from_millis(15);

pub struct History {
    kind: Kind,
    random: StdRng,
    simulated: [Simulated; 2],
    database: Database,
    link: Link,
    reindexing: JoinSet<Result<Refolded, MirrorError>>,
    expected: Expected,
    replicas: [Replica; 2],
    told: Vec<String>,
    figures: Figures,
}

impl History {
    pub async fn begin(seed: u64, kind: Kind) -> Result<Self> {
        let simulated =
            [Simulated::start("alpha", 31_337, seed, kind).await?, Simulated::start("beta", 31_338, seed, kind).await?];
        let database = Database::new().await;
        trip::prepare(database.pool()).await?;
        Ok(Self {
            kind,
            random: StdRng::seed_from_u64(seed),
            simulated,
            link: Link::to(database.url())?,
            reindexing: JoinSet::new(),
            database,
            expected: Expected::new().await,
            replicas: [Replica::default(), Replica::default()],
            told: Vec::new(),
            figures: Figures::default(),
        })
    }

    /// So many steps, of which the last is a quiet point. What goes wrong is told with all steps.
    pub async fn run(&mut self, steps: usize) -> Result<()> {
        for number in 1..=steps {
            let step = if number == steps { Step::Quiet } else { Step::draw(&mut self.random, self.kind) };
            let pause = Pause::draw(&mut self.random);
            self.told.push(format!("{number}: {step:?}, then {pause:?}"));
            let done = self.take(step).await;
            done.with_context(|| format!("after these steps:\n{}\n", self.told.join("\n")))?;
            self.wait(pause).await;
        }
        for replica in &mut self.replicas {
            replica.kill().await;
        }
        Ok(())
    }

    /// What it was like.
    pub async fn figures(self) -> Result<Figures> {
        let (reorganisations, deepest, logs_taken_back, stretches) = sqlx::query_as(
            "select count(*), coalesce(max(depth), 0), coalesce(sum(logs), 0)::bigint,
                    (select count(*) from outbox where topic = 'billing.chain.advanced.v1')
               from chain_undo",
        )
        .fetch_one(self.database.pool())
        .await?;
        let (trips, lost_commits) = (trip::count(self.database.pool()).await?, self.link.lost());
        Ok(Figures { reorganisations, deepest, logs_taken_back, stretches, trips, lost_commits, ..self.figures })
    }

    async fn take(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Append { network, blocks, traffic } => {
                self.simulated[network].chain.append(blocks, traffic);
            }
            Step::Reorg { network, depth, new_blocks, fate } => self.simulated[network].reorg(depth, new_blocks, fate),
            Step::Shorten { network, blocks } => self.simulated[network].shorten(blocks),
            Step::Fault { network, node, fault } => self.simulated[network].nodes[node].set_fault(Some(fault)),
            Step::Heal { network } => self.simulated[network].heal(),
            Step::Kill { replica } => self.replicas[replica].kill().await,
            Step::Cut => self.cut().await?,
            Step::Trip { percent } => trip::set(self.database.pool(), percent).await?,
            Step::LoseCommits { every } => self.link.lose_commits(every),
            Step::Reindex { network } => self.reindex(network),
            Step::Start { replica } => self.start(replica).await?,
            Step::Quiet => self.quiet_point().await?,
        }
        Ok(())
    }

    async fn start(&mut self, number: usize) -> Result<()> {
        let networks = self.simulated.each_ref().map(|simulated| simulated.network.clone());
        if let Some(ended) = self.replicas[number].ensure(self.link.options(), &networks).await? {
            self.told.push(format!("   replica {number} had ended: {ended}"));
        }
        Ok(())
    }

    /// Ends half of the replicas' sessions. A leader may go on for a moment without its lease, beside another one.
    async fn cut(&self) -> Result<()> {
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
              where datname = current_database() and application_name = $1 and random() < 0.5",
        )
        .bind(SESSION)
        .execute(self.database.pool())
        .await?;
        Ok(())
    }

    /// With sessions that nothing happens to.
    fn reindex(&mut self, network: usize) {
        let (pool, chain_id) = (self.database.pool().clone(), self.simulated[network].network.chain_id);
        self.reindexing.spawn(async move { mirror::reindex(&pool, chain_id, |_| {}).await });
    }

    /// At no instant a projection is anything else than its logs say.
    async fn nothing_was_wrong(&mut self) -> Result<()> {
        while let Some(reindexed) = self.reindexing.join_next().await {
            match reindexed? {
                Ok(found) => ensure!(found.wrong.is_empty(), "a live reindex found {:#?}", found.wrong),
                // The mirror has not begun, or the statement failed that was to fail.
                Err(MirrorError::NotStarted(_) | MirrorError::Db(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn quiet_point(&mut self) -> Result<()> {
        trip::set(self.database.pool(), 0).await?;
        self.link.lose_commits(0);
        self.nothing_was_wrong().await?;
        for simulated in &self.simulated {
            simulated.heal();
            simulated.chain.outgrow(Traffic::USUAL);
        }
        let begun = Instant::now();
        self.caught_up().await?;
        let took = begun.elapsed();
        self.told.push(format!("   right after {took:?}"));
        let figures = &mut self.figures;
        figures.quiet_points += 1;
        figures.waited += took;
        figures.waited_at_most = figures.waited_at_most.max(took);
        for simulated in &self.simulated {
            let held = self.expected.assert_holds(self.database.pool(), simulated).await;
            held.with_context(|| format!("network {}", simulated.network.name))?;
        }
        self.figures.compared += begun.elapsed() - took;
        Ok(())
    }

    /// Waits until both mirrors stand at their heads, by hash. Replicas that give up meanwhile are started again.
    async fn caught_up(&mut self) -> Result<()> {
        let pool = self.database.pool().clone();
        let mut wait = Wait::new(&pool);
        loop {
            for number in 0..self.replicas.len() {
                self.start(number).await?;
            }
            match wait.is_over(&self.simulated).await {
                Ok(true) => return Ok(()),
                Ok(false) => tokio::time::sleep(Duration::from_millis(4)).await,
                Err(still) => {
                    let faults = [self.replicas[0].faults().await, self.replicas[1].faults().await];
                    return Err(still.context(format!("the replicas say {faults:#?}")));
                }
            }
        }
    }

    async fn wait(&self, pause: Pause) {
        match pause {
            Pause::None => {}
            Pause::Micros(micros) => tokio::time::sleep(Duration::from_micros(micros)).await,
            Pause::Requests(more) => self.asked(more).await,
        }
    }

    /// Waits until the nodes were asked so often, or are not asked any more.
    async fn asked(&self, more: u64) {
        let requests = || self.simulated.iter().map(Simulated::requests).sum::<u64>();
        let mut last = requests();
        let (enough, mut since) = (last + more, Instant::now());
        while last < enough && since.elapsed() < PATIENCE && self.replicas.iter().any(Replica::runs) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let now = requests();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }
}
