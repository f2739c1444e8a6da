//! `billing-worker`: what payments need done while nobody asks, each job at its own pace.

mod config;
mod jobs;
mod metrics;

use anyhow::ensure;
use billing_process::Readiness;
use tokio_util::sync::CancellationToken;

use crate::jobs::{Runner, serve_ops};

pub use config::WorkerConfig;

/// Does the jobs until told to stop, or each of them to its end where the configuration says `once`.
///
/// # Errors
/// What stands in the way at the start, and with `once` what went wrong in any job.
pub async fn run(config: WorkerConfig, shutdown: CancellationToken) -> anyhow::Result<()> {
    let providers = config.fiat.providers()?;
    ensure!(
        !providers.is_empty(),
        "no provider: set BILLING_YOOKASSA_SHOP_ID and BILLING_YOOKASSA_SECRET_KEY, or BILLING_STRIPE_SECRET_KEY and \
         BILLING_STRIPE_WEBHOOK_SECRETS"
    );
    let pool = billing_process::connect(&config.database).await?;
    let readiness = Readiness::new(pool.clone());
    serve_ops(config.ops_listen, &readiness, &shutdown).await?;
    providers.names().into_iter().for_each(metrics::announce);
    // Broken off, a question to a provider is asked again when its lease is over; what it answers is recorded in one SQL transaction.
    let runner = Runner { readiness, shutdown, once: config.once, metrics: &metrics::JOBS };
    runner.run(&jobs::all(&config, &pool, &providers)).await
}
