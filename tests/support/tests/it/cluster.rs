use std::path::Path;

use anyhow::Result;
use sqlx::{Connection, PgConnection};
use test_support::Cluster;

#[tokio::test]
async fn what_was_committed_before_the_kill_is_there_after_it() -> Result<()> {
    let mut cluster = Cluster::start().await?;
    let mut before = PgConnection::connect(&cluster.url()).await?;
    sqlx::raw_sql("create table thing (name text); insert into thing values ('kept')").execute(&mut before).await?;
    let folder: String = sqlx::query_scalar("show data_directory").fetch_one(&mut before).await?;

    cluster.kill()?;
    assert!(sqlx::query("select").execute(&mut before).await.is_err());
    assert!(PgConnection::connect(&cluster.url()).await.is_err());
    cluster.restart().await?;

    let mut after = PgConnection::connect(&cluster.url()).await?;
    let name: String = sqlx::query_scalar("select name from thing").fetch_one(&mut after).await?;
    assert_eq!(name, "kept");
    let settings: Vec<String> = sqlx::query_scalar(
        "select setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')",
    )
    .fetch_all(&mut after)
    .await?;
    assert_eq!(settings, ["on", "on", "on"]);

    drop(cluster);
    assert!(!Path::new(&folder).exists());
    assert!(sqlx::query("select").execute(&mut after).await.is_err());
    Ok(())
}
