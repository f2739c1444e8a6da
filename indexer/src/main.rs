//! `billing-indexer`: see `billing_indexer`.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use billing_core::chain::Network;
use billing_indexer::{Action, Args, Mode};
use billing_process::Readiness;
use clap::Parser;
use tokio::{net::TcpListener, sync::watch};

/// Between two looks at the networks file.
const READ_AGAIN: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    billing_process::exit(start(Args::parse()).await)
}

async fn start(args: Args) -> anyhow::Result<()> {
    billing_process::init_logs(&args.log)?;
    let networks = args.selected()?;
    let pool = billing_process::connect(&args.database).await?;
    match args.action {
        Action::Verify => return billing_indexer::verify(&pool, networks, std::io::stdout()).await,
        Action::Resume => return billing_indexer::resume(&pool, networks, args.accept, std::io::stdout()).await,
        Action::Reindex => return billing_indexer::reindex(&pool, &networks, std::io::stdout()).await,
        Action::Follow => {}
    }
    let shutdown = billing_process::on_signal()?;
    let readiness = Readiness::new(pool.clone());
    if let Some(address) = args.ops_listen {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        tracing::info!(%address, "serving /health, /ready and /metrics");
        tokio::spawn(billing_process::serve_ops(listener, readiness.clone(), shutdown.clone()));
    }
    if args.once {
        return billing_indexer::run(&pool, networks, Mode::Once, readiness, shutdown).await;
    }
    let known = watch::Sender::new(networks);
    let subscribed = known.subscribe();
    tokio::spawn(async move { read_again(&args, &known).await });
    billing_indexer::follow(&pool, subscribed, readiness, shutdown).await
}

/// Reads the networks file now and then; one that cannot be used changes nothing.
async fn read_again(args: &Args, known: &watch::Sender<Vec<Network>>) {
    let mut told = None;
    loop {
        tokio::time::sleep(READ_AGAIN).await;
        match args.selected() {
            Ok(networks) => {
                told = None;
                known.send_if_modified(|before| {
                    *before != networks && {
                        *before = networks;
                        true
                    }
                });
            }
            Err(error) if told.as_ref() != Some(&error.to_string()) => {
                tracing::error!("the networks stay as they were: {error:#}");
                told = Some(error.to_string());
            }
            Err(_) => {}
        }
    }
}
