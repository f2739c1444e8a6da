use std::time::Duration;

use billing_core::ledger;
use futures::future::BoxFuture;
use sqlx::PgPool;

use super::{KeeperConfig, metrics};
use crate::jobs::{Job, Left};

/// Holds in one transaction: their accounts are locked for its time.
const HOLDS_AT_ONCE: i64 = 500;

/// Transfers in one seal: what one seal writes is in memory for its time.
const TRANSFERS_AT_ONCE: i64 = 10_000;

/// The table of jobs.
pub(super) fn all(config: &KeeperConfig, pool: &PgPool) -> Vec<Job> {
    let every = Duration::from_secs;
    let job = |name: &str, interval, work: fn(PgPool) -> BoxFuture<'static, anyhow::Result<Left>>| {
        let pool = pool.clone();
        Job { name: name.to_owned(), interval, work: Box::new(move || work(pool.clone())) }
    };
    vec![
        job("sweep", every(config.sweep_interval), |pool| Box::pin(sweep(pool))),
        job("seal", every(config.seal_interval), |pool| Box::pin(seal(pool))),
        job("verify", every(config.verify_interval * 3_600), |pool| Box::pin(verify(pool))),
    ]
}

async fn sweep(pool: PgPool) -> anyhow::Result<Left> {
    let over = i64::try_from(ledger::sweep(&pool, HOLDS_AT_ONCE).await?)?;
    metrics::HOLDS_SWEPT.inc_by(over.unsigned_abs());
    Ok(if over < HOLDS_AT_ONCE { Left::Nothing } else { Left::More })
}

async fn seal(pool: PgPool) -> anyhow::Result<Left> {
    let Some(sealed) = ledger::seal(&pool, TRANSFERS_AT_ONCE).await? else { return Ok(Left::Nothing) };
    metrics::TRANSFERS_SEALED.inc_by(sealed.transfers);
    Ok(Left::More)
}

/// A difference is no fault of this job, which would be tried again at once: it is told, loudly.
async fn verify(pool: PgPool) -> anyhow::Result<Left> {
    let verified = ledger::verify(&pool, |_| {}).await?;
    metrics::DIFFERENCES.set(i64::try_from(verified.differences.len())?);
    for difference in &verified.differences {
        tracing::error!("the ledger is not as it was written: {difference}");
    }
    Ok(Left::Nothing)
}
