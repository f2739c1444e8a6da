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

    /// Kills one replica or both at some instant; how often.
    async fn kill(&mut self, replicas: &mut [Child; 2]) -> Result<usize> {
        let one = self.random.random_range(0..2);
        let both = self.random.random_ratio(1, 4);
        tokio::time::sleep(Duration::from_micros(self.random.random_range(0..400_000))).await;
        let mut killed = 0;
        for (number, replica) in replicas.iter_mut().enumerate() {
            if both || number == one {
                replica.kill();
                *replica = self.replica()?;
                killed += 1;
            }
        }
        Ok(killed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_killed_at_any_instant_leaves_the_mirror_of_a_fresh_fold() -> Result<()> {
    let begun = Instant::now();
    let mut killed = 0;
    for seed in 5_000..5_003 {
        let mut world = World::new(seed).await?;
        let mut replicas = [world.replica()?, world.replica()?];
        for _ in 0..KILLS {
            world.go_on();
            killed += world.kill(&mut replicas).await?;
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
    eprintln!("{killed} processes killed in {:?}", begun.elapsed());
    assert!(killed >= 50);
    Ok(())
}
