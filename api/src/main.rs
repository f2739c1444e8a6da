//! `billing-api`: see `billing_api`.

use std::process::ExitCode;

use anyhow::Context;
use billing_api::{config::Config, state::AppState};
use clap::Parser;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    billing_process::exit(start(Config::parse()).await)
}

async fn start(config: Config) -> anyhow::Result<()> {
    billing_process::init_logs(&config.log)?;
    let state = AppState::connect(&config).await?;
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    let shutdown = billing_process::on_signal()?;
    billing_api::run(listener, state, shutdown).await
}
