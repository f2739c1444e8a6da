//! The migrated database that test databases are copied from.

use anyhow::{Context, Result};
use sqlx::Connection;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;

use crate::postgres::{database_url, run, server_url, unlock};

const TEMPLATE: &str = "abono_template_";

/// Copying a migrated template is many times quicker than migrating. Its name says which migrations it has.
pub(crate) async fn copy_template(admin: &mut PgConnection, migrator: &Migrator, name: &str) -> Result<()> {
    let template = template_name(migrator);
    let copy = format!(r#"create database "{name}" template "{template}""#);
    if run(admin, copy.clone()).await.is_ok() {
        return Ok(());
    }
    // Under the lock nobody makes another template, and so nobody drops this one, before it is copied.
    sqlx::query("select pg_advisory_lock(hashtextextended($1, 0))").bind(TEMPLATE).execute(&mut *admin).await?;
    let copied = make_and_copy(admin, migrator, &template, copy).await;
    unlock(admin, TEMPLATE).await?;
    copied
}

async fn make_and_copy(admin: &mut PgConnection, migrator: &Migrator, template: &str, copy: String) -> Result<()> {
    make_template(admin, migrator, template).await.context("migrating the template database")?;
    run(admin, copy).await.context("copying the template database")
}

async fn make_template(admin: &mut PgConnection, migrator: &Migrator, template: &str) -> Result<()> {
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
