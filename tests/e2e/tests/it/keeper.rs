//! `billing-ledger` as its operator sees it.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use billing_core::{
    MIGRATOR,
    ids::{AccountId, TransferId},
    ledger::{self, Action, Movement, NewAccount, Transfer},
};
use e2e::program;
use sqlx::PgPool;
use tempfile::TempDir;
use test_support::{Child, Cluster, Database, command, signal};

use crate::watch::{get, until};

/// A keeper on a database, and where its log is.
struct Keeper {
    folder: TempDir,
    listen: String,
}

impl Keeper {
    fn new() -> Result<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = tempfile::Builder::new().prefix("abono-").tempdir()?;
        Ok(Self { folder, listen: format!("127.0.0.1:{free}") })
    }

    fn command(&self, database_url: &str) -> Result<Command> {
        let mut keeper = command(program("billing-ledger")?);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BILLING_")) {
            keeper.env_remove(name);
        }
        let log = File::options().create(true).append(true).open(self.log_file())?;
        keeper.env("DATABASE_URL", database_url).env("BILLING_LOG_FORMAT", "text").stderr(log);
        keeper.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(keeper)
    }

    fn start(&self, database_url: &str) -> Result<Child> {
        let mut keeper = self.command(database_url)?;
        keeper.args(["--ops-listen", &self.listen]);
        Child::spawn(keeper)
    }

    async fn get(&self, path: &str) -> Result<String> {
        get(&format!("http://{}/{path}", self.listen)).await
    }

    fn log_file(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("keeper.log")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

/// Holds of one unit each for so many seconds.
async fn hold(pool: &PgPool, number: usize, timeout_secs: u32) -> Result<()> {
    let mut conn = pool.acquire().await?;
    ledger::name_asset(&mut conn, "credits", 0).await?;
    let account = || NewAccount {
        id: AccountId::new(),
        asset: "credits".to_owned(),
        kind: "house".to_owned(),
        owner: None,
        limited: None,
    };
    let accounts = [account(), account()];
    ledger::open_accounts(&mut conn, &accounts).await?;
    let movement = Movement { debit: accounts[0].id, credit: accounts[1].id, amount: 1.into() };
    let action = Action::Hold { movement, timeout_secs: Some(timeout_secs), partly: false };
    let hold = || Transfer { id: TransferId::new(), action, code: "test".to_owned(), reference: None, event_at: None };
    let holds: Vec<Transfer> = (0..number).map(|_| hold()).collect();
    for answer in ledger::post(pool, &holds).await? {
        answer?;
    }
    Ok(())
}

/// How many holds ended by themselves.
async fn expired(pool: &PgPool) -> Result<i64> {
    let sql = "select count(*) from ledger_hold where ended = 'expired'";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_whose_time_is_over_is_ended_by_the_running_process_which_ends_when_told_to() -> Result<()> {
    let (database, keeper) = (Database::new().await, Keeper::new()?);
    let mut process = keeper.start(database.url())?;
    until("it listens", || async { Ok(keeper.get("ready").await.is_ok_and(|said| said == "ready\n")) })
        .await
        .with_context(|| keeper.log())?;
    ensure!(keeper.get("health").await? == "ok\n");

    hold(database.pool(), 1, 1).await?;
    until("the hold is ended", || async { Ok(expired(database.pool()).await? == 1) }).await?;
    until("it is counted", || async {
        Ok(keeper.get("metrics").await?.contains("billing_ledger_holds_swept_total 1\n"))
    })
    .await?;
    let metrics = keeper.get("metrics").await?;
    ensure!(metrics.contains("billing_ledger_job_errors_total{job=\"sweep\"} 0"), "{metrics}");
    ensure!(metrics.contains("billing_ledger_job_seconds_count{job=\"sweep\"}"), "{metrics}");
    ensure!(!metrics.contains("billing_ledger_job_success_timestamp_seconds{job=\"sweep\"} 0\n"), "{metrics}");

    process.signal(signal::TERM)?;
    let status = process.wait(Duration::from_secs(10)).await?;
    ensure!(status.success(), "{status}\n{}", keeper.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn once_ends_all_holds_whose_time_is_over_also_with_another_instance_at_it() -> Result<()> {
    let (database, keeper) = (Database::new().await, Keeper::new()?);
    hold(database.pool(), 1_200, 3_600).await?;
    hold(database.pool(), 1, 7_200).await?;
    sqlx::query("update ledger_hold set expires_at = expires_at - interval '90 minutes'")
        .execute(database.pool())
        .await?;
    let mut both = Vec::new();
    for _ in 0..2 {
        let mut command = keeper.command(database.url())?;
        command.arg("--once");
        both.push(Child::spawn(command)?);
    }
    for mut process in both {
        let status = process.wait(Duration::from_secs(30)).await?;
        ensure!(status.success(), "{status}\n{}", keeper.log());
    }
    let ends: i64 = sqlx::query_scalar("select count(*) from ledger_transfer where code = 'expired'")
        .fetch_one(database.pool())
        .await?;
    ensure!((expired(database.pool()).await?, ends) == (1_200, 1_200), "{ends}\n{}", keeper.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_that_the_database_is_away_and_goes_on_when_it_is_back() -> Result<()> {
    let (mut cluster, keeper) = (Cluster::start().await?, Keeper::new()?);
    let pool = PgPool::connect(&cluster.url()).await?;
    MIGRATOR.run(&pool).await?;
    let mut process = keeper.start(&cluster.url())?;
    until("it listens", || async { Ok(keeper.get("ready").await.is_ok_and(|said| said == "ready\n")) }).await?;
    hold(&pool, 1, 1).await?;
    pool.close().await;

    cluster.kill()?;
    until("it is not ready", || async { Ok(keeper.get("ready").await?.contains("sweep: ")) })
        .await
        .with_context(|| keeper.log())?;
    ensure!(!keeper.get("metrics").await?.contains("billing_ledger_job_errors_total{job=\"sweep\"} 0"));
    ensure!(process.status()?.is_none(), "it ended\n{}", keeper.log());
    cluster.restart().await?;

    let pool = PgPool::connect(&cluster.url()).await?;
    until("the hold is ended", || async { Ok(expired(&pool).await? == 1) }).await.with_context(|| keeper.log())?;
    until("it is ready", || async { Ok(keeper.get("ready").await? == "ready\n") }).await?;
    process.signal(signal::TERM)?;
    ensure!(process.wait(Duration::from_secs(10)).await?.success(), "{}", keeper.log());
    Ok(())
}
