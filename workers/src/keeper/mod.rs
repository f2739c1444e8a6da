//! `billing-ledger`: what the ledger needs done while nobody asks, each job at its own pace.

mod config;
mod jobs;
mod metrics;
mod pace;

use std::time::Instant;

use anyhow::{Context, bail};
use billing_process::Readiness;
use futures::future::join_all;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

pub use config::KeeperConfig;
use jobs::{Job, Left};
use pace::Pace;

/// Does the jobs until told to stop, or each of them to its end where the configuration says `once`.
///
/// # Errors
/// What stands in the way at the start, and with `once` what went wrong in any job.
pub async fn run(config: KeeperConfig, shutdown: CancellationToken) -> anyhow::Result<()> {
    let pool = billing_process::connect(&config.database).await?;
    let readiness = Readiness::new(pool.clone());
    if let Some(address) = config.ops_listen {
        let listener =
            tokio::net::TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
        tokio::spawn(billing_process::serve_ops(listener, readiness.clone(), shutdown.clone()));
    }
    let keeper = Keeper { pool, readiness, shutdown, once: config.once };
    let jobs = jobs::all(&config);
    let faults: Vec<String> = join_all(jobs.iter().map(|job| keeper.keep(job))).await.into_iter().flatten().collect();
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

struct Keeper {
    pool: PgPool,
    readiness: Readiness,
    shutdown: CancellationToken,
    once: bool,
}

impl Keeper {
    /// Does one job again and again; with `once`, until nothing is left, and gives what went wrong.
    async fn keep(&self, job: &Job) -> Option<String> {
        metrics::announce(job.name);
        let mut pace = Pace::new(job.interval);
        loop {
            // Whatever a job has begun is one SQL transaction: to be told to stop in the middle of it loses nothing.
            let left = tokio::select! {
                () = self.shutdown.cancelled() => return None,
                left = self.do_once(job) => left,
            };
            if self.once && !matches!(left, Ok(Left::More)) {
                return left.err().map(|fault| format!("{}: {fault}", job.name));
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                () = tokio::time::sleep(pace.after(&left)) => {}
            }
        }
    }

    async fn do_once(&self, job: &Job) -> Result<Left, String> {
        let begun = Instant::now();
        let left = (job.work)(self.pool.clone()).await.map_err(|error| format!("{error:#}"));
        metrics::record(job.name, begun.elapsed(), left.is_ok());
        if let Err(fault) = &left {
            tracing::error!(job = job.name, "{fault}");
        }
        self.readiness.report(job.name, left.as_ref().err().cloned());
        left
    }
}
