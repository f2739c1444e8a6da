//! Jobs that are done while nobody asks, each at its own pace, until told to stop.

mod metrics;
mod pace;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use billing_process::Readiness;
use futures::future::{BoxFuture, join_all};
use tokio_util::sync::CancellationToken;

pub(crate) use metrics::JobMetrics;
use pace::Pace;

/// What is done again and again. Safe with any number of instances at once, and when it is broken off.
pub(crate) struct Job {
    /// As metrics, `/ready` and the log name it.
    pub(crate) name: String,
    /// From the end of one run to the begin of the next.
    pub(crate) interval: Duration,
    /// One run.
    pub(crate) work: Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<Left>> + Send + Sync>,
}

/// What a run left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// There may be more: again at once.
    More,
    /// Nothing for now.
    Nothing,
}

/// Serves `/health`, `/ready` and `/metrics` where that is asked for.
pub(crate) async fn serve_ops(
    address: Option<std::net::SocketAddr>,
    readiness: &Readiness,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let Some(address) = address else { return Ok(()) };
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    tokio::spawn(billing_process::serve_ops(listener, readiness.clone(), shutdown.clone()));
    Ok(())
}

/// Does jobs side by side.
pub(crate) struct Runner {
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: CancellationToken,
    /// Each job to its end, then no more.
    pub(crate) once: bool,
    pub(crate) metrics: &'static JobMetrics,
}

impl Runner {
    /// Until told to stop.
    ///
    /// # Errors
    /// With `once`, what went wrong in any job.
    pub(crate) async fn run(&self, jobs: &[Job]) -> anyhow::Result<()> {
        let faults: Vec<String> = join_all(jobs.iter().map(|job| self.keep(job))).await.into_iter().flatten().collect();
        if !faults.is_empty() {
            bail!("{}", faults.join("\n"));
        }
        Ok(())
    }

    /// Does one job again and again; with `once`, until nothing is left, and gives what went wrong.
    async fn keep(&self, job: &Job) -> Option<String> {
        self.metrics.announce(&job.name);
        let mut pace = Pace::new(job.interval);
        loop {
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
        let left = (job.work)().await.map_err(|error| format!("{error:#}"));
        self.metrics.record(&job.name, begun.elapsed(), left.is_ok());
        if let Err(fault) = &left {
            tracing::error!(job = job.name, "{fault}");
        }
        self.readiness.report(&job.name, left.as_ref().err().cloned());
        left
    }
}
