//! A database per test on the checkout's private PostgreSQL.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use reqwest::Url;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::OnceCell;

use crate::project;
use crate::template::copy_template;

const PREFIX: &str = "abono_test_";

/// The URL of the server's `postgres` database, where the caller is superuser.
///
/// `ABONO_TEST_DATABASE_URL` when set, else the server of `script/pg`, started if need be. A `DATABASE_URL` is never
/// used: it may be somebody's real one.
pub async fn server_url() -> Result<&'static str> {
    static SERVER: OnceCell<String> = OnceCell::const_new();
    let start = || async {
        if let Ok(url) = std::env::var("ABONO_TEST_DATABASE_URL") {
            return Ok(url);
        }
        project::output(Command::new("script/pg").arg("start"))?;
        Ok(project::output(Command::new("script/pg").arg("url"))?.trim().to_owned())
    };
    SERVER.get_or_try_init(start).await.map(String::as_str)
}

/// A migrated database of one test, dropped with it.
///
/// While it lives it holds an advisory lock on its name. A database whose lock is free belongs to a killed test and is
/// removed by the next one that starts.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    pool: PgPool,
    dropped: bool,
    _lock: PgConnection,
}

impl Database {
    /// Creates a database with the product's schema.
    ///
    /// # Panics
    ///
    /// When there is no server or the migrations fail: no test can go on then.
    pub async fn new() -> Self {
        match Self::create(&billing_core::MIGRATOR).await {
            Ok(database) => database,
            Err(error) => panic!("no test database: {error:#}"),
        }
    }

    /// Creates a database with the schema of `migrator`.
    pub async fn create(migrator: &Migrator) -> Result<Self> {
        let server = server_url().await?;
        let mut admin = PgConnection::connect(server).await.with_context(|| format!("cannot reach {server}"))?;
        sweep(&mut admin).await?;
        let name = unused_name();
        sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))").bind(&name).execute(&mut admin).await?;
        copy_template(&mut admin, migrator, &name).await?;
        let url = database_url(server, &name)?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(20))
            .connect_lazy(&url)
            .context("database URL")?;
        Ok(Self { name, url, pool, dropped: false, _lock: admin })
    }

    /// The URL of this database, for child processes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A pool of up to ten connections.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Drops the database now, and says so when that fails. Other connections to it are cut.
    pub async fn close(mut self) -> Result<()> {
        self.dropped = true;
        self.pool.close().await;
        drop_database(&self.name).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.dropped {
            return;
        }
        let name = self.name.clone();
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(drop_database(&name)))
        });
        let _ = cleaner.join();
    }
}

async fn drop_database(name: &str) -> Result<()> {
    let mut admin = PgConnection::connect(server_url().await?).await?;
    run(&mut admin, format!(r#"drop database if exists "{name}" with (force)"#)).await?;
    Ok(admin.close().await?)
}

pub(crate) async fn run(admin: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    admin.execute(AssertSqlSafe(statement)).await.map(drop)
}

async fn sweep(admin: &mut PgConnection) -> Result<()> {
    let names: Vec<String> = sqlx::query_scalar("select datname::text from pg_database where starts_with(datname, $1)")
        .bind(PREFIX)
        .fetch_all(&mut *admin)
        .await?;
    for name in names {
        let try_lock = "select pg_try_advisory_lock(hashtextextended($1, 0))";
        if sqlx::query_scalar::<_, bool>(try_lock).bind(&name).fetch_one(&mut *admin).await? {
            run(admin, format!(r#"drop database if exists "{name}" with (force)"#)).await?;
            unlock(admin, &name).await?;
        }
    }
    Ok(())
}

pub(crate) async fn unlock(admin: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let unlock = "select pg_advisory_unlock(hashtextextended($1, 0))";
    sqlx::query(unlock).bind(name).execute(admin).await.map(drop)
}

fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    format!("{PREFIX}{}_{now:x}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn database_url(server: &str, name: &str) -> Result<String> {
    let mut url = Url::parse(server).with_context(|| format!("not a database URL: {server}"))?;
    url.set_path(name);
    Ok(url.into())
}
