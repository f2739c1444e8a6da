//! `billing-indexer`: see `billing_indexer`.

use std::process::ExitCode;

use anyhow::Context;
use billing_indexer::{Action, Args, Mode};
use billing_process::Readiness;
use clap::Parser;
use tokio::net::TcpListener;

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
    let mode = if args.once { Mode::Once } else { Mode::Follow };
    billing_indexer::run(&pool, networks, mode, readiness, shutdown).await
}
