//! One of several replicas mirrors a network, and the others stand by.

use std::time::Duration;

use billing_core::mirror::Lease;
use billing_process::Readiness;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff,
    metrics::Metrics,
    network::{Mirroring, Round},
    reindex::reindex_outdated,
    run::{AGAIN, RUNBOOK},
    wake::Wake,
};

/// Between two tries to become the one that mirrors a network.
const STANDBY: Duration = Duration::from_millis(200);
/// Between two looks whether the lease is still held, and how far behind the mirror is.
const WATCH: Duration = Duration::from_secs(1);

/// Mirrors while it has the lease, stands by while another replica has it.
pub(crate) async fn follow(
    mut mirroring: Mirroring,
    pool: &PgPool,
    readiness: &Readiness,
    shutdown: &CancellationToken,
) {
    let name = mirroring.network().name.clone();
    let wake = Wake::listen(mirroring.network());
    let mut standing_by = false;
    while !shutdown.is_cancelled() {
        match Lease::try_take(pool, mirroring.network().chain_id).await {
            Ok(Some(mut lease)) => {
                tracing::info!(network = name, "mirroring");
                standing_by = false;
                let metrics = mirroring.metrics.clone();
                let limit = mirroring.network().max_lag_secs;
                let remade = reindex_outdated(pool, mirroring.network()).await;
                if let Err(error) = remade {
                    tracing::error!(network = name, "projections of another version stay: {error:#}");
                }
                tokio::select! {
                    () = rounds(&mut mirroring, &wake, readiness, shutdown) => {}
                    lost = watch(&mut lease, &metrics, limit, &name, readiness) => {
                        tracing::error!(network = name, "the lease is lost: {lost}");
                    }
                }
                lease.release().await;
            }
            Ok(None) if !standing_by => {
                tracing::info!(network = name, "another process mirrors this network; standing by");
                readiness.report(&name, None);
                standing_by = true;
            }
            Ok(None) => {}
            Err(error) => readiness.report(&name, Some(format!("no lease: {error}"))),
        }
        shutdown.run_until_cancelled(tokio::time::sleep(STANDBY)).await;
    }
}

/// The part of `/ready` that tells how far behind a network is.
pub(crate) fn lag_of(name: &str) -> String {
    format!("{name} lag")
}

/// Until the lease is lost; tells meanwhile when the mirror is too far behind.
async fn watch(
    lease: &mut Lease,
    metrics: &Metrics,
    limit_secs: u64,
    name: &str,
    readiness: &Readiness,
) -> sqlx::Error {
    let part = lag_of(name);
    loop {
        tokio::time::sleep(WATCH).await;
        if let Err(lost) = lease.check().await {
            readiness.report(&part, None);
            return lost;
        }
        let behind = metrics.lag_secs();
        let fault = format!("{behind} s behind the chain, more than max_lag_secs ({limit_secs})");
        readiness.report(&part, (behind.unsigned_abs() > limit_secs).then_some(fault));
    }
}

/// Until told to stop.
async fn rounds(mirroring: &mut Mirroring, wake: &Wake, readiness: &Readiness, shutdown: &CancellationToken) {
    let name = mirroring.network().name.clone();
    let poll = Duration::from_millis(mirroring.network().poll_interval_ms);
    let (mut failures, mut halted) = (0_u32, false);
    readiness.report(&name, Some("catching up".to_owned()));
    while !shutdown.is_cancelled() {
        let pause = match mirroring.catch_up().await {
            Ok(Round::Stopped) => return,
            Ok(Round::Again) => AGAIN,
            Ok(Round::CaughtUp) => {
                (failures, halted) = (0, false);
                readiness.report(&name, None);
                poll
            }
            Ok(Round::Lagging { head, mirror }) => {
                readiness.report(&name, Some(format!("the node is at block {head}, the mirror at {mirror}")));
                poll
            }
            Ok(Round::Halted(reason)) => {
                if !std::mem::replace(&mut halted, true) {
                    tracing::error!(network = name, "HALTED: {reason}; {RUNBOOK}");
                }
                readiness.report(&name, Some(format!("halted: {reason}; {RUNBOOK}")));
                poll.max(WATCH)
            }
            Err(error) => {
                failures = if mirroring.take_moved() { 1 } else { failures + 1 };
                tracing::error!(network = name, failures, "{error:#}");
                readiness.report(&name, Some(format!("{error:#}")));
                backoff::pause(failures)
            }
        };
        // A block that is told of ends the pause between two polls, but not the one after a failure.
        let rested = async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wake.block(), if pause == poll => {}
            }
        };
        shutdown.run_until_cancelled(rested).await;
    }
}
