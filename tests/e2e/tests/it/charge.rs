//! `billing-charge` as its operator sees it.

use std::time::Duration;

use alloy::primitives::U256;
use anyhow::{Context, Result, ensure};
use e2e::{Shop, Stack, StackOptions};
use serde_json::Value;
use test_support::{Chain, Child, Role, signal};

use crate::watch::{get, until};

const HAPPY: Role = Role::Subscriber(0);
const WARY: Role = Role::Subscriber(1);

/// Two subscriptions on each chain, due; the second one's wallet has taken its approval back.
/// The shop is the first chain's.
async fn due_stack(chain_ids: &[u64]) -> Result<(Stack, Shop)> {
    let mut chains = Vec::new();
    for id in chain_ids {
        chains.push(Chain::start(*id).await?);
    }
    let stack = Stack::new(chains, StackOptions::default()).await?;
    let mut shop = None;
    for chain in &stack.chains {
        let opened = Shop::open(chain).await?;
        for who in [HAPPY, WARY] {
            opened.subscribe(chain, who).await?;
        }
        chain.approve(WARY, chain.addresses().subscription_manager, U256::ZERO).await?;
        chain.increase_time(u64::from(opened.period_secs)).await?;
        shop.get_or_insert(opened);
    }
    stack.run_ok("billing-indexer", &["--once"]).await?;
    Ok((stack, shop.context("a chain")?))
}

/// Network, subscriber, outcome and reason of each row.
fn said(document: &str) -> Result<Vec<[Value; 4]>> {
    let document: Value = serde_json::from_str(document).with_context(|| document.to_owned())?;
    let rows = document["rows"].as_array().context("rows")?;
    Ok(rows.iter().map(|row| ["network", "subscriber", "outcome", "reason"].map(|field| row[field].clone())).collect())
}

async fn attempts(stack: &Stack) -> Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from billing_charge_attempt where confirmed_block is null")
        .fetch_one(stack.database.pool())
        .await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_needs_no_key_writes_nothing_and_tells_what_the_run_does() -> Result<()> {
    let (stack, _) = due_stack(&[31_337, 31_338]).await?;
    let out = stack.folder().join("dry");
    let mut command = stack.command("billing-charge", "dry")?;
    let automation = Role::Automation.address().to_string();
    command.args(["--dry-run", "--json", "--automation-address", &automation]);
    command.env_remove("BILLING_AUTOMATION_KEY").stdout(std::fs::File::create(&out)?);
    let status = Child::spawn(command)?.wait(Duration::from_secs(60)).await?;
    ensure!(status.success(), "{status}\n{}", stack.log("dry"));
    ensure!(attempts(&stack).await? == 0, "the dry run wrote");

    let predicted = said(&std::fs::read_to_string(out)?)?;
    let done = said(&stack.run_ok("billing-charge", &["--once", "--json"]).await?)?;
    ensure!(predicted == done, "{predicted:#?}\n{done:#?}");
    ensure!(done.len() == 4, "{done:#?}");
    ensure!(done.iter().filter(|row| row[2] == "charged").count() == 2, "{done:#?}");
    ensure!(done.iter().filter(|row| row[3] == "InsufficientAllowance").count() == 2, "{done:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_ends_with_two_when_somebody_was_not_charged() -> Result<()> {
    let (stack, _) = due_stack(&[31_337]).await?;
    let (code, table) = stack.run("billing-charge", &["--once", "--strict"]).await?;
    ensure!(code == 2, "{code}\n{table}{}", stack.log("billing-charge"));
    for word in ["alpha", "charged", "skipped:", "InsufficientAllowance", "10 USDT", "1 charged (10 USDT)"] {
        ensure!(table.contains(word), "no {word:?} in\n{table}");
    }
    ensure!(table.lines().all(|line| line.chars().count() <= 120), "wider than a terminal:\n{table}");
    let (code, table) = stack.run("billing-charge", &["--once", "--strict"]).await?;
    ensure!(code == 0 && table.contains("Nothing is due."), "{code}\n{table}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_network_is_chosen_by_name_and_an_unknown_one_is_told() -> Result<()> {
    let (stack, _) = due_stack(&[31_337, 31_338]).await?;
    let only = said(&stack.run_ok("billing-charge", &["--dry-run", "--json", "--network", "beta"]).await?)?;
    ensure!(only.len() == 2 && only.iter().all(|row| row[0] == "beta"), "{only:#?}");
    let (code, _) = stack.run("billing-charge", &["--once", "--network", "delta"]).await?;
    ensure!(code == 1 && stack.log("billing-charge").contains("alpha, beta"), "{code}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_network_stops_no_other_and_is_named() -> Result<()> {
    let (mut stack, shop) = due_stack(&[31_337, 31_338]).await?;
    let listen = format!("127.0.0.1:{}", std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port());
    let mut command = stack.command("billing-charge", "loop")?;
    command.args(["--interval", "1", "--ops-listen", &listen]).stdout(std::process::Stdio::null());
    let mut worker = Child::spawn(command)?;
    let metrics = format!("http://{listen}/metrics");
    until("both are charged", || async {
        let text = get(&metrics).await.unwrap_or_default();
        Ok(["alpha", "beta"]
            .iter()
            .all(|name| text.contains(&format!("billing_charge_success_total{{network=\"{name}\"}} 1"))))
    })
    .await
    .with_context(|| stack.log("loop"))?;
    let text = get(&metrics).await?;
    for name in ["failed_total", "skipped_total", "latency_seconds_count"] {
        ensure!(text.contains(&format!("billing_charge_{name}{{network=\"alpha\"}}")), "no {name} in\n{text}");
    }

    stack.chains[1].kill().await?;
    stack.chains[0].increase_time(u64::from(shop.period_secs)).await?;
    let mut indexer = stack.command("billing-indexer", "indexer")?;
    indexer.args(["--once", "--network", "alpha"]).stdout(std::process::Stdio::null());
    Child::spawn(indexer)?.wait(Duration::from_secs(60)).await?;
    until("the living network is charged on", || async {
        Ok(shop.subscription(&stack.chains[0], HAPPY).await?.chargeCount == 3)
    })
    .await
    .with_context(|| stack.log("loop"))?;
    let ready = format!("http://{listen}/ready");
    until("the dead one is named", || async { Ok(get(&ready).await?.contains("charging beta")) }).await?;

    worker.signal(signal::TERM)?;
    let status = worker.wait(Duration::from_secs(15)).await?;
    ensure!(status.success(), "{status}\n{}", stack.log("loop"));
    Ok(())
}
