use anyhow::Result;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection, PgConnection, Row, SqlStr};
use test_support::{Database, server_url};

fn migrator() -> Migrator {
    let create = SqlStr::from_static("create table thing (name text not null)");
    Migrator {
        migrations: vec![Migration::new(1, "thing".into(), MigrationType::Simple, create, false)].into(),
        ..Migrator::DEFAULT
    }
}

async fn exists(name: &str) -> Result<bool> {
    let mut admin = PgConnection::connect(server_url().await?).await?;
    let found =
        sqlx::query("select 1 from pg_database where datname = $1").bind(name).fetch_optional(&mut admin).await?;
    Ok(found.is_some())
}

async fn name(database: &Database) -> Result<String> {
    Ok(sqlx::query("select current_database()::text").fetch_one(database.pool()).await?.try_get(0)?)
}

#[tokio::test]
async fn two_databases_share_nothing_but_the_schema() -> Result<()> {
    let (one, two) = (Database::create(&migrator()).await?, Database::create(&migrator()).await?);
    sqlx::query("insert into thing values ('mine')").execute(one.pool()).await?;

    let mut other_process = PgConnection::connect(two.url()).await?;
    let rows: i64 = sqlx::query_scalar("select count(*) from thing").fetch_one(&mut other_process).await?;

    assert_eq!(rows, 0);
    Ok(())
}

#[tokio::test]
async fn a_new_database_has_the_products_schema() -> Result<()> {
    let database = Database::new().await;
    let applied: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations").fetch_one(database.pool()).await?;
    assert_eq!(usize::try_from(applied)?, billing_core::MIGRATOR.iter().count());
    Ok(())
}

#[tokio::test]
async fn a_database_is_gone_after_its_test() -> Result<()> {
    let (closed, dropped) = (Database::create(&migrator()).await?, Database::create(&migrator()).await?);
    let names = [name(&closed).await?, name(&dropped).await?];

    closed.close().await?;
    drop(dropped);

    for name in names {
        assert!(!exists(&name).await?, "{name} is still there");
    }
    Ok(())
}

#[tokio::test]
async fn the_database_of_a_killed_test_is_swept_and_a_living_one_is_not() -> Result<()> {
    let living = Database::create(&migrator()).await?;
    let leftover = "abono_test_of_a_killed_process";
    let mut admin = PgConnection::connect(server_url().await?).await?;
    let _ = sqlx::query("create database abono_test_of_a_killed_process").execute(&mut admin).await;

    let _next = Database::create(&migrator()).await?;

    assert!(!exists(leftover).await?);
    assert!(exists(&name(&living).await?).await?);
    Ok(())
}
