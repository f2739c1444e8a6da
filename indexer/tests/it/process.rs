//! The program itself.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Result;
use test_support::{Chain, Child, Database, command, networks_toml, signal};

use crate::world::{assert_mirror_equals_chain, caught_up, count, eventful_history, networks};

fn indexer(database: &Database, file: &tempfile::NamedTempFile, arguments: &[&str]) -> std::process::Command {
    let mut indexer = command(env!("CARGO_BIN_EXE_billing-indexer"));
    indexer.args(arguments).env("DATABASE_URL", database.url()).env("BILLING_NETWORKS", file.path());
    indexer
}

fn file(text: &str) -> Result<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    Ok(file)
}

#[tokio::test]
async fn killed_at_any_instant_it_goes_on_without_loss_or_doubles() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    chain.mine(500).await?;
    let file = file(&networks_toml(&[&chain]).replace("finality_depth = 64", "finality_depth = 400"))?;
    let networks = networks(&[&chain], 400)?;
    for pause in [60, 90, 120, 150, 180, 240] {
        let mut child = Child::spawn(indexer(&database, &file, &[]))?;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        child.kill();
    }

    let mut child = Child::spawn(indexer(&database, &file, &["--once"]))?;
    assert!(child.wait(Duration::from_secs(60)).await?.success());

    let distinct: i64 = sqlx::query_scalar("select count(distinct (address, sequence)) from chain_log")
        .fetch_one(database.pool())
        .await?;
    assert_eq!(distinct, count(database.pool(), "logs").await?);
    assert_mirror_equals_chain(database.pool(), &networks[0]).await.map(drop)
}

#[tokio::test]
async fn it_stops_on_sigterm_even_when_the_node_hangs() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let file = file(&networks_toml(&[&chain]))?;
    let networks = networks(&[&chain], 64)?;
    let mut child = Child::spawn(indexer(&database, &file, &[]))?;
    caught_up(database.pool(), &chain, &networks[0]).await?;
    chain.freeze()?;

    child.signal(signal::TERM)?;
    let stopped = child.wait(Duration::from_secs(3)).await;
    chain.thaw()?;

    assert!(stopped?.success());
    Ok(())
}

#[tokio::test]
async fn verify_prints_differences_and_fails_on_them() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    let file = file(&networks_toml(&[&chain]))?;
    let run = |arguments: &[&str]| indexer(&database, &file, arguments).output();
    assert!(run(&["--once"])?.status.success());

    let right = run(&["verify", "--network", "alpha"])?;
    assert!(right.status.success());
    assert!(
        String::from_utf8(right.stdout)?
            .contains("2 plans, 4 subscriptions, 1 deposits, 0 sales and revocations, 0 differences")
    );

    sqlx::query("update billing_subscription_state set charge_count = charge_count + 1")
        .execute(database.pool())
        .await?;
    let wrong = run(&["verify"])?;
    assert!(!wrong.status.success());
    assert!(String::from_utf8(wrong.stdout)?.contains("charge_count"));
    Ok(())
}

#[tokio::test]
async fn wrong_configurations_are_told_and_end_the_program_soon() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let right = networks_toml(&[&chain]);
    let core = chain.addresses().core_system.to_string();
    let (following, once) = (&[][..], &["--once"][..]);
    let cases = [
        (right.replace("chain_id = 31337", "chain_id = 5"), "correct chain_id or rpc_urls", vec![following, once]),
        // A network that is followed may have nodes that are down: they are waited for.
        (right.replace(&chain.url(), "http://127.0.0.1:9"), "no node answered", vec![once]),
        (
            right.replace(&core, "0x00000000000000000000000000000000000000aa"),
            "no code at core_system",
            vec![following, once],
        ),
    ];
    for (text, told, modes) in cases {
        let file = file(&text)?;
        for mode in modes {
            let begun = Instant::now();
            let mut command = indexer(&database, &file, mode);
            let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await??;
            assert_eq!(output.status.code(), Some(1));
            let error = String::from_utf8(output.stderr)?;
            assert!(error.contains(told) && error.contains("alpha"), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_network_written_into_the_file_is_begun_and_one_that_cannot_be_read_changes_nothing() -> Result<()> {
    let (one, two) = tokio::try_join!(Chain::start(31_337), Chain::start(31_338))?;
    let database = Database::new().await;
    let networks = networks(&[&one, &two], 64)?;
    let file = file(&networks_toml(&[&one]))?;
    let mut child = Child::spawn(indexer(&database, &file, &[]))?;
    caught_up(database.pool(), &one, &networks[0]).await?;

    std::fs::write(file.path(), "[[network]]")?;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    one.mine(1).await?;
    caught_up(database.pool(), &one, &networks[0]).await?;

    std::fs::write(file.path(), networks_toml(&[&one, &two]))?;
    caught_up(database.pool(), &two, &networks[1]).await?;
    child.signal(signal::TERM)?;
    assert!(child.wait(Duration::from_secs(5)).await?.success());
    Ok(())
}
