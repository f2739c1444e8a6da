//! The steps of the demo, in their order.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::{Client, Stack, StackOptions};
use indicatif::{ProgressBar, ProgressStyle};
use test_support::{AnvilOptions, Chain};

use crate::{
    acts::{play_fates, wait_for_subscriptions, wait_until_frozen},
    books,
    cast::{Fate, Member, members},
    charge::{self, NAMES, Outcomes},
    offer::{self, Offer, PERIOD_SECS},
    scenes::{fiat, gasless, marketplace, permit2},
    subscribe::subscribe_all,
    summary::Summary,
};

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
    let providers = fiat::Providers::start().await?;
    let options = StackOptions { env: providers.env(), ..StackOptions::default() };
    let stack = Stack::new(deploy().await?, options).await?;
    step("starting the indexer and the API");
    let _indexer = stack.start_indexer()?;
    let (_api_process, api) = stack.start_api().await?;

    step("the merchant signs three plans, once each; the API creates them on both chains");
    let offers = offer::publish(&stack, &api).await?;
    step("forty wallets subscribe: by permit, by approval, through Permit2, with a deposit of native coin");
    let cast = members(stack.chains.len());
    subscribe_all(&stack, &api, &cast, &offers, &steps).await?;
    step("four wallets without a coin for gas sign mandates; the API sends them");
    let mut relays = gasless::subscribe(&stack, &api, &cast, &offers).await?;
    wait_for_subscriptions(&stack, &api, &cast, |_| "active").await?;
    step("a seller signs a listing; on each chain someone buys two of it");
    marketplace::sell(&stack, &api).await?;

    step(
        "credits are bought by YooKassa and Stripe; two subscribers agree that their card pays when the wallet cannot",
    );
    fiat::sell(&stack, &api, &providers, &cast, &offers).await?;

    step("some spend their money, revoke, cancel or sign a pause; the operator freezes a plan; 30 days pass");
    let spent = play_fates(&stack, &api, &cast, &offers).await?;
    relays.extend(gasless::pause(&stack, &api, &cast, &offers).await?);
    wait_for_subscriptions(&stack, &api, &cast, Fate::status).await?;
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

    step("the saved cards pay where two wallets could not");
    let taken = fiat::settle(&stack, &api, &providers, &cast, &offers).await?;

    step("the mirror against the chain, and every balance against the books");
    stack.run_ok("billing-indexer", &["--once"]).await?;
    stack.run_ok("billing-indexer", &["verify"]).await?;
    let permit2_charged = permit2::check(&stack, &cast, &offers, &happened).await?;
    let relayed = gasless::settle(&stack, &api, &cast, &relays).await?;
    let books = books::check(&stack, &cast, &offers, &spent).await?;
    steps.finish_and_clear();

    let took = begun.elapsed();
    Summary { stack: &stack, happened, rows, permit2_charged, relayed, books, taken, took }.print()?;
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
    let bar = ProgressBar::new(12);
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
    let due = cast.iter().filter(|member| member.fate.is_due());
    ensure!(due.clone().count() == predicted.len(), "{} of {} due", predicted.len(), due.count());
    for member in due {
        let key = charge::key(member, offers)?;
        let reason = predicted.get(&key).map(|(_, reason)| reason.as_deref());
        ensure!(reason == Some(member.fate.reason()), "{key:?}: {reason:?}, {:?} expected", member.fate.reason());
    }
    Ok(())
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
