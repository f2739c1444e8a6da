//! What the indexer makes of what node and database can give, in one run: start it by `script/bench indexer`.
//!
//! Ends with one line of JSON on standard output; exits with 1 when a goal is missed.

#![expect(clippy::print_stdout, clippy::print_stderr, clippy::float_arithmetic, reason = "figures are what it prints")]

mod backfill;
mod copy;
mod dead;
mod drain;
mod fountain;
mod indexer;
mod live;
mod process;
mod proxy;
mod pulse;
mod rpc;
mod site;
mod stored;
mod synthetic;
mod town;
mod watch;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use bench::{
    figures::Report,
    server::{load, require_durable},
};
use clap::Parser;
use fountain::Fountain;
use town::Town;

const TOWN: u64 = 31_337;
const FOUNTAIN: u64 = 31_338;

/// Measures the indexer beside the limits of node and database.
#[derive(Debug, Parser)]
struct Arguments {
    /// Events on the chain; 0 leaves out what is measured on it.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Blocks of the chain, about. The node keeps the state of each in memory: 2 MB.
    #[arg(long, default_value_t = 2_000)]
    blocks: u64,
    /// Rounds whose medians are told.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Minutes of a thousand events a second; 0 leaves them out.
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Seconds of each turn of five networks, of which one's node is alive or dead; 0 leaves them out.
    #[arg(long, default_value_t = 15)]
    networks: u64,
    /// Up to so many events are stored before the cost of one more is measured: 100000, 1000000, 10000000; 0 leaves it out.
    #[arg(long, default_value_t = 0)]
    stored: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(report) => {
            println!("{}\n{}", report.table(), report.line());
            if report.missed().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report> {
    require_durable().await?;
    let mut report = Report::of("indexer");
    report.tell("load_before", load()?, "");
    if arguments.events > 0 {
        one_chain(arguments, &mut report).await?;
    }
    if arguments.networks > 0 {
        dead::measure(arguments.rounds, arguments.networks, &mut report).await?;
    }
    if arguments.stored > 0 {
        stored::measure(arguments.stored, &mut report).await?;
    }
    Ok(report)
}

/// All at once, then as it goes on.
async fn one_chain(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let start = Instant::now();
    let mut town = Town::found(TOWN).await?;
    town.charge_until(arguments.events, arguments.blocks).await?;
    let fountain = Fountain::open(FOUNTAIN).await?;
    fountain.emit_until(arguments.events, arguments.blocks).await?;
    report.tell("chains_made", start.elapsed().as_secs_f64(), "s");
    let mut mirror = backfill::measure(&town.site, &fountain.site, arguments.rounds, report).await?;
    drop(fountain);
    if arguments.minutes > 0 {
        live::measure(&mut town, &mut mirror, Duration::from_secs(60 * arguments.minutes), report).await?;
    }
    mirror.database.close().await
}
