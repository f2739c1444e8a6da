//! The yardstick: pgbench's own transaction, on the same server.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use test_support::Database;
use tokio::process::Command;

/// Branches; with fewer than clients they wait for each other.
const SCALE: &str = "50";
const CLIENTS: &str = "32";

/// pgbench's tables in a database of their own.
#[derive(Debug)]
pub struct Bank {
    database: Database,
    program: String,
}

impl Bank {
    pub async fn found() -> Result<Self> {
        let folder = std::env::var("PG_BIN").context("PG_BIN: start this by script/bench")?;
        let database = Database::create(&billing_core::MIGRATOR).await?;
        let bank = Self { database, program: format!("{folder}/pgbench") };
        bank.pgbench(&["-i", "-q", "-s", SCALE]).await?;
        Ok(bank)
    }

    /// Transactions a second.
    pub async fn run(&self, lasting: Duration) -> Result<f64> {
        sqlx::query("checkpoint").execute(self.database.pool()).await?;
        let seconds = lasting.as_secs().to_string();
        let told = self.pgbench(&["-n", "-M", "prepared", "-c", CLIENTS, "-j", "2", "-T", &seconds]).await?;
        let line = told.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench tells no tps")?;
        Ok(line.split(' ').next().unwrap_or_default().parse()?)
    }

    pub async fn close(self) -> Result<()> {
        self.database.close().await
    }

    async fn pgbench(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program).args(arguments).arg(self.database.url()).output().await;
        let output = output.with_context(|| format!("{} does not start", self.program))?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        Ok(told)
    }
}
