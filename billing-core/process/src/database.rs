use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use billing_core::MIGRATOR;
use secrecy::ExposeSecret;
use sqlx::{Connection as _, Executor as _, PgPool, migrate::Migrate, postgres::PgPoolOptions};

use crate::DatabaseArgs;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A session idle for longer is asked whether it is alive before it is used.
const TRUSTED: Duration = Duration::from_secs(1);
/// Seconds for which a transaction may stand still; longer than any question to a node or a provider may take.
const IDLE_MAX_SECS: u32 = 300;

/// Opens the pool and checks that the schema is the one this binary was built for.
///
/// # Errors
/// An unreachable server, a missing, changed or unknown migration; says which and what to do.
pub async fn connect(args: &DatabaseArgs) -> anyhow::Result<PgPool> {
    let pool = open(args).await?;
    check_schema(&pool).await?;
    Ok(pool)
}

/// Applies the migrations that are missing.
///
/// # Errors
/// An unreachable server or a migration that does not apply; says which.
pub async fn migrate(args: &DatabaseArgs) -> anyhow::Result<()> {
    let pool = open(args).await?;
    MIGRATOR.run(&pool).await.context("database migration; the database is left at the last one that applied")
}

/// Sessions that were in use a moment ago are not asked whether they are alive: it would be a second round trip for each
/// first one. A server that went away meanwhile is an error of the statement, as it is at any other moment.
///
/// A transaction that nobody goes on with ends with its session after [`IDLE_MAX_SECS`]: its locks would be everybody's.
#[must_use]
pub fn pool_options() -> PgPoolOptions {
    PgPoolOptions::new()
        .after_connect(|conn, _| {
            Box::pin(async move {
                let bound = format!("set idle_in_transaction_session_timeout = '{IDLE_MAX_SECS} s'");
                conn.execute(sqlx::AssertSqlSafe(bound)).await.map(drop)
            })
        })
        .test_before_acquire(false)
        .before_acquire(|conn, meta| Box::pin(async move { Ok(meta.idle_for < TRUSTED || conn.ping().await.is_ok()) }))
}

async fn open(args: &DatabaseArgs) -> anyhow::Result<PgPool> {
    let connect = pool_options()
        .max_connections(args.db_connections)
        .acquire_timeout(CONNECT_TIMEOUT)
        .connect(args.database_url.expose_secret());
    match tokio::time::timeout(CONNECT_TIMEOUT, connect).await {
        Ok(Ok(pool)) => Ok(pool),
        // The driver's text names host and user, never the password.
        Ok(Err(error)) => Err(anyhow!(error)).context("database: cannot connect; check DATABASE_URL and the server"),
        Err(_) => bail!("database: no answer within {CONNECT_TIMEOUT:?}; check DATABASE_URL and the server"),
    }
}

async fn check_schema(pool: &PgPool) -> anyhow::Result<()> {
    let mut conn = pool.acquire().await.context("database")?;
    let table = MIGRATOR.table_name.as_ref();
    conn.ensure_migrations_table(table).await.context("database: migrations table")?;
    if let Some(version) = conn.dirty_version(table).await.context("database: migrations table")? {
        bail!("database: migration {version} stopped half-way; repair it by hand, then run `billing migrate`");
    }
    let applied = conn.list_applied_migrations(table).await.context("database: migrations table")?;
    for migration in MIGRATOR.iter() {
        match applied.iter().find(|done| done.version == migration.version) {
            None => bail!(
                "database: migration {} ({}) is not applied; run `billing migrate`",
                migration.version,
                migration.description
            ),
            Some(done) if done.checksum != migration.checksum => bail!(
                "database: migration {} ({}) was applied with another text; this binary and the database do not match",
                migration.version,
                migration.description
            ),
            Some(_) => {}
        }
    }
    if let Some(unknown) = applied.iter().find(|done| !MIGRATOR.version_exists(done.version)) {
        bail!("database: migration {} is unknown to this binary; start a newer one", unknown.version);
    }
    Ok(())
}
