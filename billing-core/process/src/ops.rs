//! `/health`, `/ready` and `/metrics`, on a listener of their own so that strangers need not reach them.

use std::{future::Future, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use prometheus::{Encoder, TextEncoder};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whether the process can do its work now.
#[derive(Clone, Debug)]
pub struct Readiness {
    pool: PgPool,
    checks: Arc<std::sync::Mutex<std::collections::BTreeMap<String, String>>>,
}

impl Readiness {
    /// Ready when the database answers and no fault is reported.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool, checks: Arc::default() }
    }

    /// Reports a fault of `part`, or its end.
    pub fn report(&self, part: &str, fault: Option<String>) {
        let mut checks = self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match fault {
            Some(fault) => checks.insert(part.to_owned(), fault),
            None => checks.remove(part),
        };
    }

    /// What is wrong, one line each; empty when ready.
    pub async fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = {
            let checks = self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            checks.iter().map(|(part, fault)| format!("{part}: {fault}")).collect()
        };
        if self.pool.acquire().await.is_err() {
            faults.push("database: no connection".to_owned());
        }
        faults
    }
}

/// Routes `/health`, `/ready`, `/metrics`.
pub fn router(readiness: Readiness) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(|| async { metrics_text() }))
        .with_state(readiness)
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let faults = readiness.faults().await;
    if faults.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, faults.join("\n") + "\n")
    }
}

/// All metrics of the process in Prometheus' text format.
#[must_use]
pub fn metrics_text() -> String {
    let mut text = Vec::new();
    match TextEncoder::new().encode(&prometheus::gather(), &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("# {error}\n"),
    }
}

/// Serves the routes until `shutdown`.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, readiness: Readiness, shutdown: CancellationToken) -> std::io::Result<()> {
    let stop: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(shutdown.cancelled_owned());
    axum::serve(listener, router(readiness)).with_graceful_shutdown(stop).await
}
