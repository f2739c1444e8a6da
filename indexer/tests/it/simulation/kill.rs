//! The program itself, killed as `kill -9` does.

use std::{
    io::Write,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng, rngs::StdRng};
use test_support::{Child, Database, Traffic, command};

use super::{
    expected::Expected,
    network::{Kind, Simulated},
    quiet::Wait,
    step::Step,
};

const KILLS: usize = 20;
const KIND: Kind = Kind { nodes: 1, log_times: true, finality: 64, confirmations: 0, traffic: Traffic::HEAVY };

struct World {
    random: StdRng,
    simulated: [Simulated; 2],
    database: Database,
    file: tempfile::NamedTempFile,
}

impl World {
    async fn new(seed: u64) -> Result<Self> {
        let simulated =
            [Simulated::start("alpha", 31_337, seed, KIND).await?, Simulated::start("beta", 31_338, seed, KIND).await?];
        let mut file = tempfile::NamedTempFile::new()?;
        for (simulated, name) in simulated.iter().zip(["alpha", "beta"]) {
            file.write_all(simulated.chain.network_toml(name, &simulated.network.rpc_urls).as_bytes())?;
        }
        Ok(Self { random: StdRng::seed_from_u64(seed), simulated, database: Database::new().await, file })
    }

    fn replica(&self) -> Result<Child> {
        let mut indexer = command(env!("CARGO_BIN_EXE_billing-indexer"));
        indexer.env("DATABASE_URL", self.database.url()).env("BILLING_NETWORKS", self.file.path());
        indexer.stderr(Stdio::null());
        Child::spawn(indexer)
    }

    /// A few steps of the chains.
    fn go_on(&mut self) {
        for _ in 0..6 {
            match Step::draw(&mut self.random, KIND) {
                Step::Append { network, blocks, traffic } => {
                    self.simulated[network].chain.append(blocks, traffic);
                }
                Step::Reorg { network, depth, new_blocks, fate } => {
                    self.simulated[network].reorg(depth, new_blocks, fate);
                }
                Step::Shorten { network, blocks } => self.simulated[network].shorten(blocks),
                _ => {}
            }
        }
    }

    /// Kills one replica or both: at any instant, or while one of them writes.
    async fn kill(&mut self, replicas: &mut [Child; 2], killed: &mut Killed) -> Result<()> {
        let one = self.random.random_range(0..2);
        let both = self.random.random_ratio(1, 4);
        let pause = Duration::from_micros(self.random.random_range(0..400_000));
        if self.random.random() {
            tokio::time::sleep(pause).await;
        } else {
            killed.writing += usize::from(self.writes(2 * pause).await?);
        }
        for (number, replica) in replicas.iter_mut().enumerate() {
            if both || number == one {
                replica.kill();
                *replica = self.replica()?;
                killed.all += 1;
            }
        }
        Ok(())
    }

    /// Waits for a transaction that has written something; false when there is none in this time.
    async fn writes(&self, at_most: Duration) -> Result<bool> {
        let begun = Instant::now();
        let sql = "select exists (select from pg_stat_activity
                                   where datname = current_database() and backend_xid is not null)";
        while begun.elapsed() < at_most {
            if sqlx::query_scalar(sql).fetch_one(self.database.pool()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Processes that were killed, and how often while something was written.
#[derive(Debug, Default)]
struct Killed {
    all: usize,
    writing: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_killed_at_any_instant_leaves_the_mirror_of_a_fresh_fold() -> Result<()> {
    let begun = Instant::now();
    let mut killed = Killed::default();
    for seed in 5_000..5_003 {
        let mut world = World::new(seed).await?;
        let mut replicas = [world.replica()?, world.replica()?];
        for _ in 0..KILLS {
            world.go_on();
            world.kill(&mut replicas, &mut killed).await?;
        }
        for simulated in &world.simulated {
            simulated.chain.outgrow(Traffic::USUAL);
        }
        let pool = world.database.pool();
        Wait::new(pool).until_over(&world.simulated).await.with_context(|| format!("seed {seed}"))?;
        let mut expected = Expected::new().await;
        for simulated in &world.simulated {
            expected.assert_holds(pool, simulated).await.with_context(|| format!("seed {seed}"))?;
        }
    }
    eprintln!("{killed:?} in {:?}", begun.elapsed());
    assert!(killed.all >= 50 && killed.writing >= 5, "{killed:?}");
    Ok(())
}
