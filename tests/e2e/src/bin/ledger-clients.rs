//! Some clients of the ledger in a process that is there to be killed.

use std::path::PathBuf;

use clap::Parser;
use e2e::drill::{self, Clients};

/// Asks the ledger until it is killed.
#[derive(Parser)]
struct Arguments {
    #[arg(long, env = "DATABASE_URL")]
    database_url: String,
    #[arg(long)]
    folder: PathBuf,
    #[arg(long)]
    first: u32,
    #[arg(long)]
    clients: u32,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    settle: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let Arguments { database_url: url, folder, first, clients, seed, settle } = Arguments::parse();
    drill::run(Clients { url, folder, first, clients, seed, settle }).await
}
