//! The database, the processes, and who kills them.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use billing_core::{MIGRATOR, ledger};
use e2e::{drill, program};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tempfile::TempDir;
use test_support::{Child, Cluster, command, signal};

use crate::watch::until;

const PROCESSES: u32 = 4;
const CLIENTS_EACH: u32 = 8;

pub struct World {
    clients: Vec<Child>,
    keeper: Child,
    folder: TempDir,
    cluster: Cluster,
    rng: StdRng,
    seed: u64,
    lives: u32,
    killed: Killed,
}

/// So many times.
#[derive(Debug, Default)]
struct Killed {
    clients: u32,
    keeper: u32,
    recovered_in: Option<Duration>,
}

impl World {
    pub async fn start(seed: u64) -> Result<Self> {
        let cluster = Cluster::start().await?;
        let folder = tempfile::Builder::new().prefix("abono-drill-").tempdir()?;
        let pool = connect(&cluster).await?;
        MIGRATOR.run(&pool).await?;
        let mut conn = pool.acquire().await?;
        ledger::name_asset(&mut conn, "credits", 0).await?;
        ledger::name_asset(&mut conn, "RUB", 2).await?;
        ledger::open_accounts(&mut conn, &drill::accounts()).await?;
        drop(conn);
        pool.close().await;
        let keeper = Child::spawn(keeper(&cluster, folder.path())?)?;
        let rng = StdRng::seed_from_u64(seed);
        let (clients, killed) = (Vec::new(), Killed::default());
        let mut world = Self { clients, keeper, folder, cluster, rng, seed, lives: 0, killed };
        for process in 0..PROCESSES {
            let client = world.new_client(process, false)?;
            world.clients.push(client);
        }
        Ok(world)
    }

    /// Kills one process after the other, and the database once in the middle.
    pub async fn kill_for(&mut self, lasting: Duration) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < lasting {
            let pause = self.rng.random_range(500..1_500);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if self.killed.recovered_in.is_none() && begun.elapsed() >= lasting / 2 {
                self.kill_database().await?;
            }
            self.kill_one()?;
        }
        Ok(())
    }

    async fn kill_database(&mut self) -> Result<()> {
        self.cluster.kill()?;
        let pause = self.rng.random_range(0..500);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        self.killed.recovered_in = Some(self.cluster.restart().await?);
        Ok(())
    }

    fn kill_one(&mut self) -> Result<()> {
        let victim = self.rng.random_range(0..=PROCESSES);
        if victim == PROCESSES {
            ensure!(self.keeper.status()?.is_none(), "the keeper ended\n{}", self.logs());
            self.keeper.kill();
            self.keeper = Child::spawn(keeper(&self.cluster, self.folder())?)?;
            self.killed.keeper += 1;
            return Ok(());
        }
        let client = &mut self.clients[victim as usize];
        let status = client.status()?;
        client.kill();
        ensure!(status.is_none(), "clients ended with {status:?}\n{}", self.logs());
        self.clients[victim as usize] = self.new_client(victim, false)?;
        self.killed.clients += 1;
        Ok(())
    }

    /// Kills all clients, asks for the answers that they did not hear, and lets the keeper finish.
    pub async fn settle(&mut self) -> Result<()> {
        for client in &mut self.clients {
            client.kill();
        }
        for process in 0..PROCESSES {
            let status = self.new_client(process, true)?.wait(Duration::from_secs(60)).await?;
            ensure!(status.success(), "{status}\n{}", self.logs());
        }
        let pool = self.pool().await?;
        until("the keeper ends what nobody ended", || async {
            let open = "select count(*) from ledger_hold where ended is null";
            Ok(sqlx::query_scalar::<_, i64>(open).fetch_one(&pool).await? == 0)
        })
        .await
        .with_context(|| self.logs())?;
        self.keeper.signal(signal::TERM)?;
        let status = self.keeper.wait(Duration::from_secs(10)).await?;
        ensure!(status.success(), "the keeper ended with {status}\n{}", self.logs());
        Ok(())
    }

    pub async fn pool(&self) -> Result<PgPool> {
        connect(&self.cluster).await
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn figures(&self) -> String {
        let Killed { clients, keeper, recovered_in } = &self.killed;
        format!(
            "killed: {clients} processes of {CLIENTS_EACH} clients, {keeper} keepers, the database, which answered {} ms \
             after its start",
            recovered_in.unwrap_or_default().as_millis(),
        )
    }

    fn new_client(&mut self, process: u32, settle: bool) -> Result<Child> {
        self.lives += 1;
        let mut client = command(env!("CARGO_BIN_EXE_ledger-clients"));
        client
            .env("DATABASE_URL", self.cluster.url())
            .arg("--folder")
            .arg(self.folder.path())
            .args(["--first", &(process * CLIENTS_EACH).to_string(), "--clients", &CLIENTS_EACH.to_string()])
            .args(["--seed", &self.seed.wrapping_add(self.lives.into()).to_string()]);
        if settle {
            client.arg("--settle");
        }
        Child::spawn(logged(client, self.folder.path(), "clients.log")?)
    }

    fn logs(&self) -> String {
        let log = |name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        ["clients.log", "keeper.log"].map(log).concat()
    }
}

/// The product's, with the settings that nobody changed.
fn keeper(cluster: &Cluster, folder: &Path) -> Result<Command> {
    let mut keeper = command(program("billing-ledger")?);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BILLING_")) {
        keeper.env_remove(name);
    }
    keeper.env("DATABASE_URL", cluster.url()).env("BILLING_LOG_FORMAT", "text");
    logged(keeper, folder, "keeper.log")
}

fn logged(mut command: Command, folder: &Path, name: &str) -> Result<Command> {
    let log = File::options().create(true).append(true).open(folder.join(name))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(command)
}

async fn connect(cluster: &Cluster) -> Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(4).connect(&cluster.url()).await;
    pool.context("the drill's database")
}
