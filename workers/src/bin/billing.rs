//! The operator's command line.

use std::process::ExitCode;

use billing_process::{DatabaseArgs, LogArgs};
use billing_workers::{
    ledger::{self, LedgerCommand},
    payments::{self, PaymentsCommand},
};
use clap::{Parser, Subcommand};

/// Looks after an installation of Abono.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Apply the database's migrations.
    Migrate(DatabaseArgs),
    /// Read the ledger, and prove that it is as it was written.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Read payments of fiat money, and compare them with what their provider says.
    #[command(subcommand)]
    Payments(PaymentsCommand),
}

#[tokio::main]
async fn main() -> ExitCode {
    run(Arguments::parse()).await.unwrap_or_else(|error| billing_process::exit(Err(error)))
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    billing_process::init_logs(&arguments.log)?;
    match arguments.command {
        Command::Migrate(database) => billing_process::migrate(&database).await?,
        Command::Ledger(command) => ledger::run(command, std::io::stdout()).await?,
        Command::Payments(command) => return payments::run(command, std::io::stdout()).await,
    }
    Ok(ExitCode::SUCCESS)
}
