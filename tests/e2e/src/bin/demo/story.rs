//! The steps of the demo, in their order.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy::primitives::{Address, U256};
use anyhow::{Result, ensure};
use e2e::{Client, Stack, StackOptions};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use test_support::{AnvilOptions, Chain};

use crate::{
    acts::{play_fates, subscribe_all, wait_for_subscriptions, wait_until_frozen},
    books::{self, Sums},
    cast::{Fate, Member, members},
    charge::{self, Outcomes},
    offer::{self, Offer, PERIOD_SECS},
};

/// Names of the networks, as the networks file has them.
const NAMES: [&str; 2] = ["alpha", "beta"];

/// Runs the demo; with `keep`, leaves everything running until ctrl-C.
pub async fn tell(keep: bool) -> Result<()> {
    let begun = Instant::now();
    let steps = progress()?;
    let step = |text: &str| {
        steps.inc(1);
        // Also where there is no terminal, and so no bar.
        steps.suspend(|| println!("{:>3} s  {text}", begun.elapsed().as_secs()));
    };

    step("deploying the contracts to two chains");
    let stack = Stack::new(deploy().await?, StackOptions::default()).await?;
    step("starting the indexer and the API");
    let _indexer = stack.start_indexer()?;
    let (_api_process, api) = stack.start_api().await?;

    step("the merchant signs three plans, once each; the API creates them on both chains");
    let offers = offer::publish(&stack, &api).await?;
    step("forty wallets subscribe: by permit, by approval, with a deposit of native coin");
    let cast = members(stack.chains.len());
    subscribe_all(&stack, &api, &cast, &offers, &steps).await?;
    wait_for_subscriptions(&stack, &api, &cast, |_| "active").await?;

    step("some spend their money, revoke or cancel; the operator freezes a plan; 30 days pass");
    let spent = play_fates(&stack, &api, &cast, &offers).await?;
    wait_for_subscriptions(&stack, &api, &cast, |fate| if fate == Fate::Cancels { "canceled" } else { "active" })
        .await?;
    wait_until_frozen(&stack, &api, &offers).await?;
    for chain in &stack.chains {
        chain.increase_time(PERIOD_SECS).await?;
    }

    step("billing-charge --dry-run: what would happen now, by simulation");
    let (table, predicted) = charge::predict(&stack).await?;
    steps.suspend(|| println!("\n{table}"));
    step("two billing-charge processes at the same moment");
    let (happened, rows) = charge::charge(&stack).await?;
    compare(&predicted, &happened, &cast, &offers)?;

    step("the mirror against the chain, and every balance against the books");
    stack.run_ok("billing-indexer", &["--once"]).await?;
    stack.run_ok("billing-indexer", &["verify"]).await?;
    let sums = books::check(&stack, &cast, &offers, &spent).await?;
    steps.finish_and_clear();

    summarise(&stack, &happened, &rows, &sums, begun.elapsed());
    if keep {
        stay(&stack, &api).await?;
    }
    Ok(())
}

async fn deploy() -> Result<Vec<Chain>> {
    let mut chains = Vec::new();
    for chain_id in [31_337, 31_338] {
        chains.push(Chain::deploy(AnvilOptions { chain_id, ..AnvilOptions::default() }).await?);
    }
    ensure!(chains[0].addresses() == chains[1].addresses(), "the contracts are at other addresses on the second chain");
    Ok(chains)
}

fn progress() -> Result<ProgressBar> {
    let bar = ProgressBar::new(8);
    bar.set_style(ProgressStyle::with_template("[{elapsed_precise}] {bar:24} step {pos}/{len} {msg}")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

/// The prediction must be what happened, for each subscription, and what the cast's fates ask for.
fn compare(predicted: &Outcomes, happened: &Outcomes, cast: &[Member], offers: &[Offer]) -> Result<()> {
    ensure!(predicted.len() == happened.len(), "{} predicted, {} happened", predicted.len(), happened.len());
    for (key, prediction) in predicted {
        let result = happened.get(key);
        ensure!(result == Some(prediction), "{key:?}: predicted {prediction:?}, happened {result:?}");
    }
    let due = cast.iter().filter(|member| member.fate != Fate::Cancels);
    ensure!(due.clone().count() == predicted.len(), "{} of {} due", predicted.len(), due.count());
    for member in due {
        let offer = offers.iter().find(|offer| offer.name == member.plan).map(|offer| offer.hash.clone());
        let wallet = member.role.address().to_string().to_lowercase();
        let key = (NAMES[member.chain].to_owned(), offer.unwrap_or_default(), wallet);
        let reason = predicted.get(&key).map(|(_, reason)| reason.as_deref());
        ensure!(reason == Some(member.fate.reason()), "{key:?}: {reason:?}, {:?} expected", member.fate.reason());
    }
    Ok(())
}

fn summarise(
    stack: &Stack,
    happened: &Outcomes,
    rows: &[Value],
    sums: &BTreeMap<(u64, Address), Sums>,
    took: Duration,
) {
    let charged = happened.values().filter(|(_, reason)| reason.is_none()).count();
    let gas: u64 = rows.iter().filter_map(|row| row["gas"].as_u64()).sum();
    println!("\nCharged {charged} of {} due subscriptions; the others as predicted:", happened.len());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in happened.values().filter_map(|(_, reason)| reason.as_deref()) {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, count) in &reasons {
        println!("  {count:>3}  {reason}");
    }
    println!("Gas per charge: {}", gas.checked_div(charged as u64).unwrap_or_default());
    println!("Books equal balances (first and second charges):");
    for ((chain_id, token), sum) in sums {
        let (symbol, decimals) = if token.is_zero() { ("ETH", 18) } else { ("USDT", 6) };
        let shown = |amount: U256| billing_core::money::TokenAmount(amount).display(decimals);
        println!(
            "  chain {chain_id}  {:>3} charges  {:>8} {symbol:<4}  of which fee {} {symbol}",
            sum.charges,
            shown(sum.gross),
            shown(sum.fee)
        );
    }
    // Reached only when every check above held: each of them ends the demo with an error otherwise.
    let line = json!({
        "chains": stack.chains.len(),
        "due": happened.len(),
        "charged": charged,
        "skipped": reasons,
        "predictions_wrong": 0,
        "charged_twice": 0,
        "gas_per_charge": gas.checked_div(charged as u64),
        "books_equal_balances": true,
        "mirror_equals_chain": true,
        "seconds": took.as_secs(),
    });
    println!("{line}");
}

async fn stay(stack: &Stack, api: &Client) -> Result<()> {
    println!("\nRunning until ctrl-C:");
    println!("  API        {}  (OpenAPI: {}/openapi.json)", api.base(), api.base());
    for (chain, name) in stack.chains.iter().zip(NAMES) {
        println!("  {name:<9}  {}  (chain id {})", chain.url(), chain.chain_id());
    }
    println!("  database   {}", stack.database.url());
    println!("  networks   {}", stack.networks().display());
    Ok(tokio::signal::ctrl_c().await?)
}
