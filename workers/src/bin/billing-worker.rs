//! Attends to payments while nobody asks.

use std::process::ExitCode;

use billing_workers::worker::{self, WorkerConfig};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    billing_process::exit(start(WorkerConfig::parse()).await)
}

async fn start(config: WorkerConfig) -> anyhow::Result<()> {
    billing_process::init_logs(&config.log)?;
    let shutdown = billing_process::on_signal()?;
    worker::run(config, shutdown).await
}
