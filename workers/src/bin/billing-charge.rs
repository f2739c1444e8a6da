//! Charges the subscriptions that are due.

use std::process::ExitCode;

use billing_workers::{charge, config::ChargeConfig};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let config = ChargeConfig::parse();
    match start(config).await {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(2),
        Err(error) => billing_process::exit(Err(error)),
    }
}

async fn start(config: ChargeConfig) -> anyhow::Result<bool> {
    billing_process::init_logs(&config.log)?;
    let shutdown = billing_process::on_signal()?;
    charge::run(config, shutdown).await
}
