//! The operator's command line.

use std::process::ExitCode;

use billing_process::{DatabaseArgs, LogArgs};
use billing_workers::ledger::{self, LedgerCommand};
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
}

#[tokio::main]
async fn main() -> ExitCode {
    billing_process::exit(run(Arguments::parse()).await)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    billing_process::init_logs(&arguments.log)?;
    match arguments.command {
        Command::Migrate(database) => billing_process::migrate(&database).await,
        Command::Ledger(command) => ledger::run(command, std::io::stdout()).await,
    }
}
