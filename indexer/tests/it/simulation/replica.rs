//! One indexer among several, ended without a word.

use anyhow::Result;
use billing_core::chain::Network;
use billing_indexer::Mode;
use billing_process::Readiness;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the database knows the sessions of replicas by.
pub const SESSION: &str = "replica";

/// An indexer that runs until it is killed or gives up.
#[derive(Default)]
pub struct Replica(Option<(JoinHandle<Result<()>>, Readiness)>);

impl Replica {
    /// Starts it where it does not run; what ended it, where it had ended by itself.
    pub async fn ensure(&mut self, options: PgConnectOptions, networks: &[Network]) -> Result<Option<String>> {
        let ended = match self.0.take() {
            Some(running) if !running.0.is_finished() => {
                self.0 = Some(running);
                return Ok(None);
            }
            Some((task, _)) => Some(format!("{:?}", task.await)),
            None => None,
        };
        let (pool, networks) = (connections(options), networks.to_vec());
        let (readiness, never) = (Readiness::new(pool.clone()), CancellationToken::new());
        let ready = readiness.clone();
        let run = async move { billing_indexer::run(&pool, networks, Mode::Follow, ready, never).await };
        self.0 = Some((tokio::spawn(run), readiness));
        Ok(ended)
    }

    /// Ends it wherever it is.
    pub async fn kill(&mut self) {
        if let Some((task, _)) = self.0.take() {
            task.abort();
            drop(task.await);
        }
    }

    pub fn runs(&self) -> bool {
        self.0.as_ref().is_some_and(|(task, _)| !task.is_finished())
    }

    /// What it says is wrong.
    pub async fn faults(&self) -> Vec<String> {
        match &self.0 {
            Some((_, readiness)) => readiness.faults().await,
            None => Vec::new(),
        }
    }
}

/// Of one replica alone, as those of a process.
fn connections(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(5).connect_lazy_with(options.application_name(SESSION))
}
