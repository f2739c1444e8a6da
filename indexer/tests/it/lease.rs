//! Replicas.

use anyhow::{Result, ensure};
use billing_core::mirror::Lease;
use test_support::{Chain, Child, Database, command, networks_toml};

use crate::world::{assert_mirror_equals_chain, caught_up, count, eventful_history, networks, token_plan};

async fn leaders(database: &Database) -> Result<i64> {
    let sql = "select count(*) from pg_locks
                where locktype = 'advisory' and granted
                  and database = (select oid from pg_database where datname = current_database())";
    Ok(sqlx::query_scalar(sql).fetch_one(database.pool()).await?)
}

#[tokio::test]
async fn of_two_replicas_one_mirrors_and_the_other_goes_on_when_it_is_killed() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 64)?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), networks_toml(&[&chain]))?;
    let replica = || {
        let mut indexer = command(env!("CARGO_BIN_EXE_billing-indexer"));
        indexer.env("DATABASE_URL", database.url()).env("BILLING_NETWORKS", file.path());
        Child::spawn(indexer)
    };
    let (mut first, mut second) = (replica()?, replica()?);
    eventful_history(&chain).await?;
    caught_up(database.pool(), &chain, &networks[0]).await?;
    assert_eq!(leaders(&database).await?, 1);

    // Each of them is the one that mirrors at some time.
    for (salt, replica_of_two) in [(7, &mut first), (8, &mut second)] {
        replica_of_two.kill();
        *replica_of_two = replica()?;
        token_plan(&chain, salt).await?;
        caught_up(database.pool(), &chain, &networks[0]).await?;
        assert_eq!(leaders(&database).await?, 1);
    }

    let distinct: i64 = sqlx::query_scalar("select count(distinct (address, sequence)) from chain_log")
        .fetch_one(database.pool())
        .await?;
    ensure!(distinct == count(database.pool(), "logs").await?, "a log is there twice");
    assert_mirror_equals_chain(database.pool(), &networks[0]).await.map(drop)
}

#[tokio::test]
async fn a_lease_has_one_holder_for_each_network() -> Result<()> {
    let (one, two) = (billing_core::ids::ChainId(1), billing_core::ids::ChainId(2));
    let database = Database::new().await;
    let mut held = Lease::try_take(database.pool(), one).await?.expect("nobody has it");

    assert!(Lease::try_take(database.pool(), one).await?.is_none());
    assert!(Lease::try_take(database.pool(), two).await?.is_some());
    held.check().await?;
    held.release().await;
    assert!(Lease::try_take(database.pool(), one).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_lease_ends_with_its_session() -> Result<()> {
    let database = Database::new().await;
    let chain_id = billing_core::ids::ChainId(1);
    let mut held = Lease::try_take(database.pool(), chain_id).await?.expect("nobody has it");
    sqlx::query(
        "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and granted
                  and database = (select oid from pg_database where datname = current_database())",
    )
    .execute(database.pool())
    .await?;

    assert!(held.check().await.is_err());
    assert!(Lease::try_take(database.pool(), chain_id).await?.is_some());
    Ok(())
}
