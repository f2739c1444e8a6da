//! Faults at the start: each program says which and what to do.

use std::{process::Stdio, time::Duration};

use anyhow::{Result, ensure};
use e2e::{Stack, StackOptions};
use test_support::{Chain, Child};

const PROGRAMS: [(&str, &[&str]); 3] =
    [("billing-indexer", &["--once"]), ("billing-charge", &["--once"]), ("billing-api", &[])];

/// Starts each program with this environment on top; each must end with a failure in ten seconds and say all of `says`.
async fn all_refuse(stack: &Stack, programs: &[&str], env: &[(&str, &str)], says: &[&str]) -> Result<()> {
    for (program, arguments) in PROGRAMS.iter().filter(|(name, _)| programs.is_empty() || programs.contains(name)) {
        let mut command = stack.command(program, program)?;
        command.args(*arguments).env("BILLING_API_LISTEN", "127.0.0.1:0").stdout(Stdio::null());
        for (name, value) in env {
            command.env(name, value);
        }
        let before = stack.log(program).len();
        let status = Child::spawn(command)?.wait(Duration::from_secs(10)).await?;
        let said = stack.log(program)[before..].to_owned();
        ensure!(!status.success(), "{program} went on: {said}");
        for word in says {
            ensure!(said.contains(word), "{program} does not say {word:?}: {said}");
        }
    }
    Ok(())
}

async fn stack(replace: &[(&str, &str)]) -> Result<Stack> {
    let replace = replace.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    Stack::new(vec![Chain::start(31_337).await?], StackOptions { replace, ..StackOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_chain_id_is_named_with_the_right_one() -> Result<()> {
    let stack = stack(&[("chain_id = 31337", "chain_id = 1")]).await?;
    all_refuse(&stack, &[], &[], &["alpha", "serves chain id 31337", "says 1", "correct chain_id or rpc_urls"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_node_is_named() -> Result<()> {
    let stack = stack(&[("rpc_urls = [", "rpc_urls = [\"http://127.0.0.1:1\"] # ")]).await?;
    all_refuse(&stack, &[], &[], &["alpha", "no node answered", "127.0.0.1:1", "check rpc_urls"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_node_is_named() -> Result<()> {
    let stack = stack(&[]).await?;
    stack.chains[0].freeze()?;
    all_refuse(&stack, &[], &[], &["alpha", "no node answered"]).await?;
    stack.chains[0].thaw()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_contract_is_named_with_its_address() -> Result<()> {
    let nobody = "0x00000000000000000000000000000000000000aa";
    let stack = stack(&[("subscription_manager = ", &format!("subscription_manager = \"{nobody}\" # "))]).await?;
    all_refuse(&stack, &[], &[], &["no code at subscription_manager", "0000AA", "deploy the contracts"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_key_is_refused_and_not_shown() -> Result<()> {
    let stack = stack(&[]).await?;
    let key = "0xnot-a-key-but-a-secret";
    all_refuse(&stack, &["billing-charge"], &[("BILLING_AUTOMATION_KEY", key)], &["key", "64 digits"]).await?;
    all_refuse(&stack, &["billing-api"], &[("BILLING_OPERATOR_KEY", key)], &["key", "64 digits"]).await?;
    for program in ["billing-charge", "billing-api"] {
        ensure!(!stack.log(program).contains("a-secret"), "the key stands in the log of {program}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_other_migrations_is_refused() -> Result<()> {
    let stack = stack(&[]).await?;
    sqlx::query("update _sqlx_migrations set checksum = decode('00', 'hex')").execute(stack.database.pool()).await?;
    all_refuse(&stack, &[], &[], &["migration", "was applied with another text"]).await?;
    sqlx::query("delete from _sqlx_migrations").execute(stack.database.pool()).await?;
    all_refuse(&stack, &[], &[], &["is not applied", "run `billing migrate`"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_named_without_its_password() -> Result<()> {
    let stack = stack(&[]).await?;
    let url = "postgres://somebody:a-secret@127.0.0.1:1/nowhere";
    all_refuse(&stack, &[], &[("DATABASE_URL", url)], &["database", "DATABASE_URL"]).await?;
    for (program, _) in PROGRAMS {
        ensure!(!stack.log(program).contains("a-secret"), "the password stands in the log of {program}");
    }
    Ok(())
}
