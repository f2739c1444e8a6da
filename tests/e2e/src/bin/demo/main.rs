//! The main job end to end, by real parts: two chains, a database, the programs, forty-four wallets, a seller.
//!
//! Ends with one line of JSON on standard output; exits with 1 when anything is not as it must be.

#![allow(clippy::print_stdout)]

mod acts;
mod books;
mod cast;
mod charge;
mod ledger;
mod offer;
mod scenes;
mod story;
mod subscribe;
mod summary;

use std::process::ExitCode;

use clap::Parser;

/// Signs plans, subscribes forty-four wallets on two chains, four of them without gas, sells a listing and credits by card, lets a period
/// pass, predicts the charges, charges, and checks the books.
#[derive(Parser)]
struct Arguments {
    /// Leave everything running afterwards, until ctrl-C, and print the URLs.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match story::tell(arguments.keep).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}
