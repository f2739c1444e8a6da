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

const PREFIX: &str = "abono_test_";
const TEMPLATE: &str = "abono_template_";

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
    #[expect(clippy::new_without_default, reason = "making one talks to the server")]
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

async fn run(admin: &mut PgConnection, statement: String) -> sqlx::Result<()> {
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

async fn unlock(admin: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let unlock = "select pg_advisory_unlock(hashtextextended($1, 0))";
    sqlx::query(unlock).bind(name).execute(admin).await.map(drop)
}

/// Copying a migrated template is many times quicker than migrating. Its name says which migrations it has.
async fn copy_template(admin: &mut PgConnection, migrator: &Migrator, name: &str) -> Result<()> {
    let template = template_name(migrator);
    let copy = format!(r#"create database "{name}" template "{template}""#);
    if run(admin, copy.clone()).await.is_ok() {
        return Ok(());
    }
    make_template(admin, migrator, &template).await.context("migrating the template database")?;
    run(admin, copy).await.context("copying the template database")
}

async fn make_template(admin: &mut PgConnection, migrator: &Migrator, template: &str) -> Result<()> {
    sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))").bind(TEMPLATE).execute(&mut *admin).await?;
    let made = make_template_locked(admin, migrator, template).await;
    unlock(admin, TEMPLATE).await?;
    made
}

async fn make_template_locked(admin: &mut PgConnection, migrator: &Migrator, template: &str) -> Result<()> {
    let templates: Vec<String> =
        sqlx::query_scalar("select datname::text from pg_database where starts_with(datname, $1)")
            .bind(TEMPLATE)
            .fetch_all(&mut *admin)
            .await?;
    if templates.iter().any(|found| found == template) {
        return Ok(());
    }
    for outdated in templates {
        run(admin, format!(r#"drop database if exists "{outdated}" with (force)"#)).await?;
    }
    let unfinished = format!("{TEMPLATE}unfinished");
    run(admin, format!(r#"create database "{unfinished}" template template0"#)).await?;
    let mut connection = PgConnection::connect(&database_url(server_url().await?, &unfinished)?).await?;
    migrator.run(&mut connection).await?;
    connection.close().await?;
    Ok(run(admin, format!(r#"alter database "{unfinished}" rename to "{template}""#)).await?)
}

fn template_name(migrator: &Migrator) -> String {
    let checksums: Vec<u8> = migrator.iter().flat_map(|migration| migration.checksum.to_vec()).collect();
    let digest = alloy::primitives::keccak256(checksums);
    format!("{TEMPLATE}{}", alloy::hex::encode(&digest[..8]))
}

fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    format!("{PREFIX}{}_{now:x}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn database_url(server: &str, name: &str) -> Result<String> {
    let mut url = Url::parse(server).with_context(|| format!("not a database URL: {server}"))?;
    url.set_path(name);
    Ok(url.into())
}
