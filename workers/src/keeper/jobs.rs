use std::time::Duration;

use billing_core::ledger;
use futures::future::BoxFuture;
use sqlx::PgPool;

use super::{KeeperConfig, metrics};

/// Holds in one transaction: their accounts are locked for its time.
const HOLDS_AT_ONCE: i64 = 500;

/// Transfers in one seal: what one seal writes is in memory for its time.
const TRANSFERS_AT_ONCE: i64 = 10_000;

/// What the ledger needs done again and again. Safe with any number of instances at once, and when it is broken off.
pub(super) struct Job {
    /// As metrics, `/ready` and the log name it.
    pub(super) name: &'static str,
    /// From the end of one run to the begin of the next.
    pub(super) interval: Duration,
    /// One run.
    pub(super) work: fn(PgPool) -> BoxFuture<'static, anyhow::Result<Left>>,
}

/// What a run left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// There may be more: again at once.
    More,
    /// Nothing for now.
    Nothing,
}

/// The table of jobs.
pub(super) fn all(config: &KeeperConfig) -> Vec<Job> {
    let every = Duration::from_secs;
    vec![
        Job { name: "sweep", interval: every(config.sweep_interval), work: |pool| Box::pin(sweep(pool)) },
        Job { name: "seal", interval: every(config.seal_interval), work: |pool| Box::pin(seal(pool)) },
        Job { name: "verify", interval: every(config.verify_interval * 3_600), work: |pool| Box::pin(verify(pool)) },
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
