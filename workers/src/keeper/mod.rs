//! `billing-ledger`: what the ledger needs done while nobody asks, each job at its own pace.

mod config;
mod jobs;
mod metrics;

use billing_process::Readiness;
use tokio_util::sync::CancellationToken;

use crate::jobs::{Runner, serve_ops};

pub use config::KeeperConfig;

/// Does the jobs until told to stop, or each of them to its end where the configuration says `once`.
///
/// # Errors
/// What stands in the way at the start, and with `once` what went wrong in any job.
pub async fn run(config: KeeperConfig, shutdown: CancellationToken) -> anyhow::Result<()> {
    let pool = billing_process::connect(&config.database).await?;
    let readiness = Readiness::new(pool.clone());
    serve_ops(config.ops_listen, &readiness, &shutdown).await?;
    metrics::announce();
    // Whatever a job has begun is one SQL transaction: to be told to stop in the middle of it loses nothing.
    let runner = Runner { readiness, shutdown, once: config.once, metrics: &metrics::JOBS };
    runner.run(&jobs::all(&config, &pool)).await
}
