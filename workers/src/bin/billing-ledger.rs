//! Keeps the ledger while nobody asks it.

use std::process::ExitCode;

use billing_workers::keeper::{self, KeeperConfig};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    billing_process::exit(start(KeeperConfig::parse()).await)
}

async fn start(config: KeeperConfig) -> anyhow::Result<()> {
    billing_process::init_logs(&config.log)?;
    let shutdown = billing_process::on_signal()?;
    keeper::run(config, shutdown).await
}
