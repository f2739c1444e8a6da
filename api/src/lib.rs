//! HTTP: plans, subscriptions, charges, payments.
//!
//! Invariant: a refused request stored nothing; no secret leaves in an answer or a log; every rule is in billing-core.

pub mod auth;
mod background;
pub mod cache;
pub mod config;
mod extract;
pub mod feed;
pub mod limits;
mod metrics;
pub mod problem;
mod request;
mod routes;
pub mod state;

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use routes::{openapi, router};

use crate::state::AppState;

/// Serves until `shutdown`, then finishes what is under way.
///
/// # Errors
/// The listener's.
pub async fn run(listener: TcpListener, state: AppState, shutdown: CancellationToken) -> anyhow::Result<()> {
    let tasks = TaskTracker::new();
    tasks.spawn(background::drop_changed_plans(state.clone(), shutdown.clone()));
    tasks.spawn(feed::listen(state.clone(), shutdown.clone()));
    tasks.spawn(background::resolve_senders(state.clone(), shutdown.clone()));
    tasks.spawn(background::attend_to_payments(state.clone(), shutdown.clone()));
    tasks.close();
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned()).await;
    shutdown.cancel();
    tasks.wait().await;
    Ok(served?)
}
