//! The real indexer, its networks file and its database.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use sqlx::{Executor, PgPool};
use tempfile::TempDir;
use test_support::{Chain, Child, Database, command, networks_toml};

use crate::process;

/// Between two looks at a running process: the error of its wall time.
const LOOK: Duration = Duration::from_millis(2);

/// A migrated database, a networks file, and the program.
#[derive(Debug)]
pub struct Setting {
    pub database: Database,
    networks: String,
    folder: TempDir,
}

/// What a run was seen to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run {
    pub wall: Duration,
    pub cpu: Duration,
    /// kB.
    pub peak: u64,
}

impl Setting {
    /// Nothing mirrored yet. So many blocks below the head are taken one by one.
    pub async fn new(chains: &[&Chain], finality_depth: u64) -> Result<Self> {
        let networks = networks_toml(chains);
        let networks = networks.replace("finality_depth = 64", &format!("finality_depth = {finality_depth}"));
        let folder = tempfile::Builder::new().prefix("abono-bench-").tempdir()?;
        Ok(Self { database: Database::create(&billing_core::MIGRATOR).await?, networks, folder })
    }

    /// The same with another finality depth, or somebody before the node.
    pub fn replace(&mut self, what: &str, by: &str) -> Result<()> {
        ensure!(self.networks.contains(what), "no {what} in the networks file");
        self.networks = self.networks.replace(what, by);
        Ok(())
    }

    pub fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// Starts the program that stands beside this one.
    pub fn start(&self, arguments: &[&str]) -> Result<Child> {
        let program = std::env::current_exe()?.with_file_name("billing-indexer");
        ensure!(program.exists(), "{} is not there; start this by script/bench", program.display());
        let networks = self.folder.path().join("networks.toml");
        std::fs::write(&networks, &self.networks)?;
        let mut command = command(&program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BILLING_")) {
            command.env_remove(name);
        }
        let log = std::fs::File::create(self.log())?;
        command.args(arguments).env("DATABASE_URL", self.database.url()).env("BILLING_NETWORKS", networks);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Child::spawn(command)
    }

    /// From where the mirror stands to the chain's head.
    pub async fn once(&self) -> Result<Run> {
        self.pool().execute("checkpoint").await?;
        let (start, mut peak) = (Instant::now(), 0);
        let mut child = self.start(&["--once"])?;
        while !process::has_ended(child.id())? {
            peak = process::memory(child.id()).map_or(peak, |memory| memory.peak.max(peak));
            tokio::time::sleep(LOOK).await;
        }
        let (wall, cpu) = (start.elapsed(), process::cpu(child.id())?);
        let status = child.wait(Duration::from_secs(5)).await?;
        ensure!(status.success(), "the indexer ended with {status}: {}", self.said());
        Ok(Run { wall, cpu, peak })
    }

    /// Logs that are mirrored.
    pub async fn stored(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("select count(*) from chain_log").fetch_one(self.pool()).await?;
        Ok(count.unsigned_abs())
    }

    /// What the program said in its last run.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("indexer.log")
    }
}
