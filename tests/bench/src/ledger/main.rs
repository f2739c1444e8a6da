//! How fast the ledger posts, beside pgbench's TPC-B on the same server, in one run: start it by `script/bench ledger`.
//!
//! Ends with one line of JSON on standard output; exits with 1 when a goal is missed.

#![expect(clippy::print_stdout, clippy::print_stderr, clippy::float_arithmetic, reason = "figures are what it prints")]

mod callers;
mod flat;
mod sessions;
mod tpcb;
mod ways;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use bench::{
    figures::{Goal, Report, median},
    server::{load, require_durable},
};
use clap::Parser;
use ways::{Books, Spread, Way};

/// Measures the ledger beside pgbench.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds of each turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Rounds whose medians are told.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only the turns whose names hold this, as `together_many`.
    #[arg(long, default_value = "")]
    only: String,
    /// Transfers stored before the cost of one more is measured again; 0 leaves it out.
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

/// A way, on which accounts, by how many callers, and what is wanted of it in TPC-B transactions.
const TURNS: [(Way, Spread, usize, Option<f64>); 34] = [
    (Way::Direct, Spread::Many, 1, None),
    (Way::Direct, Spread::Many, 8, None),
    (Way::Direct, Spread::Many, 64, Some(2.0)),
    (Way::Direct, Spread::Many, 256, None),
    (Way::Direct, Spread::OneHouse, 64, None),
    (Way::Direct, Spread::OneCustomer, 1, None),
    (Way::Direct, Spread::OneCustomer, 8, None),
    (Way::Direct, Spread::OneCustomer, 64, None),
    (Way::Direct, Spread::OneCustomer, 256, None),
    (Way::Batched, Spread::Many, 1, None),
    (Way::Batched, Spread::Many, 8, None),
    (Way::Batched, Spread::Many, 64, None),
    (Way::Batched, Spread::Many, 256, None),
    (Way::Batched, Spread::OneCustomer, 1, None),
    (Way::Batched, Spread::OneCustomer, 8, None),
    (Way::Batched, Spread::OneCustomer, 64, None),
    (Way::Batched, Spread::OneCustomer, 256, None),
    (Way::Together, Spread::Many, 1, None),
    (Way::Together, Spread::Many, 8, None),
    (Way::Together, Spread::Many, 64, Some(7.0)),
    (Way::Together, Spread::Many, 256, Some(12.0)),
    (Way::Together, Spread::OneHouse, 64, Some(7.0)),
    (Way::Together, Spread::OneHouse, 256, Some(12.0)),
    (Way::Together, Spread::OneCustomer, 1, None),
    (Way::Together, Spread::OneCustomer, 8, None),
    (Way::Together, Spread::OneCustomer, 64, Some(7.0)),
    (Way::Together, Spread::OneCustomer, 256, Some(12.0)),
    (Way::Direct, Spread::Strangers, 64, None),
    (Way::Together, Spread::Strangers, 64, None),
    (Way::Together, Spread::Strangers, 256, None),
    (Way::Pairs, Spread::Many, 64, None),
    (Way::Pairs, Spread::OneCustomer, 64, None),
    (Way::Pairs, Spread::Many, 256, None),
    (Way::Pairs, Spread::OneCustomer, 256, None),
];

async fn run(arguments: &Arguments) -> Result<Report> {
    require_durable().await?;
    let mut report = Report::of("ledger");
    report.tell("load_before", load()?, "");
    let turn = Duration::from_secs(arguments.seconds);
    let (bank, books) = (tpcb::Bank::found().await?, Books::open().await?);
    let mut of_bank = Vec::new();
    let named = |(way, spread, callers, _): &&(Way, Spread, usize, Option<f64>)| {
        format!("{way}_{spread}_{callers}").contains(&arguments.only)
    };
    let turns: Vec<_> = TURNS.iter().filter(named).collect();
    let mut of_turns = vec![Vec::new(); turns.len()];
    for _ in 0..arguments.rounds {
        // Ratios are taken within a round, so that what disturbs the machine disturbs both sides.
        let tps = bank.run(turn).await?;
        of_bank.push(tps);
        for ((way, spread, callers, _), measured) in turns.iter().zip(&mut of_turns) {
            let pace = books.turn(*way, *spread, *callers, turn).await?;
            measured.push((pace, pace.per_second / tps));
        }
    }
    report.tell("tpc_b", median(&of_bank), "tps");
    for ((way, spread, callers, goal), measured) in turns.iter().zip(&of_turns) {
        let name = format!("{way}_{spread}_{callers}");
        let middle = |value: fn(&(callers::Pace, f64)) -> f64| median(&measured.iter().map(value).collect::<Vec<_>>());
        report.tell(name.clone(), middle(|(pace, _)| pace.per_second), "per s");
        match goal {
            Some(goal) => {
                report.hold(format!("{name}_of_tpc_b"), middle(|(_, ratio)| *ratio), "", Goal::AtLeast(*goal))
            }
            None => report.tell(format!("{name}_of_tpc_b"), middle(|(_, ratio)| *ratio), ""),
        }
        let p99 = middle(|(pace, _)| pace.p99);
        if *callers == 64 && *way == Way::Together {
            report.hold(format!("{name}_p99"), p99, "ms", Goal::AtMost(15.0));
        } else {
            report.tell(format!("{name}_p99"), p99, "ms");
        }
    }
    bank.close().await?;
    books.close().await?;
    if arguments.stored > 0 {
        flat::measure(arguments.stored, &mut report).await?;
    }
    Ok(report)
}
