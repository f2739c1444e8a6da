use std::{sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use axum::{Json, extract::State};
use billing_core::{
    chain::Rpc,
    charges::{self, ChargeError, RunOptions, RunReport, Totals},
};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::schema;
use crate::{
    auth::Internal,
    extract::Body,
    problem::{self, Problem},
    state::AppState,
};

const LIMIT_MAX: i64 = 1_000;
const LEASE_SECS: u32 = 120;
/// Within a request's time; what is not mined by then is `pending` and recorded by a later run.
const RECEIPT_WAIT: Duration = Duration::from_secs(8);

/// Which charges to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargeRequest {
    /// Name in the networks file; all networks when absent.
    network: Option<String>,
    /// Subscriptions of one network looked at, at most: 1 to 1000.
    #[serde(default = "default_limit")]
    #[schema(default = 100, minimum = 1, maximum = 1000)]
    limit: i64,
    /// Simulate on the chain's state and write nothing.
    #[serde(default)]
    dry_run: bool,
}

fn default_limit() -> i64 {
    100
}

/// What became of the charges.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChargeResponse {
    dry_run: bool,
    /// Subscriptions looked at, over all networks.
    processed: usize,
    /// Those refused for now.
    skipped: usize,
    /// Those to which nothing happened for other causes than a refusal, and networks that could not be run at all.
    errors: usize,
    /// Each network's part.
    networks: Vec<NetworkRun>,
}

/// One network's part of a run.
#[derive(Debug, Serialize, ToSchema)]
struct NetworkRun {
    network: String,
    #[schema(value_type = schema::ChargeTotals)]
    totals: Totals,
    #[schema(value_type = Vec<schema::ChargeRow>)]
    rows: Vec<charges::Row>,
    /// Trouble that concerned whole batches or the network.
    errors: Vec<String>,
}

/// Charges what is due
///
/// One run over the networks, as the worker does it. Safe at any time and beside any number of other runs; a run that was
/// begun goes on when the caller leaves.
#[utoipa::path(post, path = "/internal/billing/charge", tag = "internal", request_body = ChargeRequest,
    security(("service_token" = [])),
    responses(
        (status = OK, body = ChargeResponse),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn charge(
    State(state): State<AppState>,
    Internal(service): Internal,
    Body(request): Body<ChargeRequest>,
) -> Result<Json<ChargeResponse>, Problem> {
    if !(1..=LIMIT_MAX).contains(&request.limit) {
        return Err(Problem::field("limit", format!("must be from 1 to {LIMIT_MAX}")));
    }
    let chosen: Vec<Rpc> = match &request.network {
        None => state.chains.to_vec(),
        Some(name) => state.chains.iter().filter(|rpc| rpc.network.name == *name).cloned().collect(),
    };
    if chosen.is_empty() {
        return Err(Problem::field("network", "is not in the networks file"));
    }
    let Some(signer) = state.automation.clone() else {
        return Err(Problem::not_configured("charging needs BILLING_AUTOMATION_KEY"));
    };
    let (limit, dry_run) = (request.limit, request.dry_run);
    tracing::info!(target: "audit", service = %service.name, network = request.network, limit, dry_run, "charge");
    let run = run_all(state.pool, chosen, signer, limit, dry_run);
    let networks = tokio::spawn(run).await.map_err(|error| problem::logged(&error))?;
    let sum = |count: fn(&NetworkRun) -> usize| networks.iter().map(count).sum();
    Ok(Json(ChargeResponse {
        dry_run,
        processed: sum(|run| run.totals.processed),
        skipped: sum(|run| run.totals.skipped),
        errors: sum(|run| run.totals.errors + usize::from(run.rows.is_empty() && !run.errors.is_empty())),
        networks,
    }))
}

async fn run_all(
    pool: PgPool,
    chosen: Vec<Rpc>,
    signer: Arc<PrivateKeySigner>,
    limit: i64,
    dry_run: bool,
) -> Vec<NetworkRun> {
    let runs = chosen.iter().map(|rpc| async {
        let report = run_one(&pool, rpc, &signer, limit, dry_run).await;
        let report = report.unwrap_or_else(|error| {
            tracing::error!(network = %rpc.network.name, %error, "charging");
            let told = match error {
                ChargeError::Chain(error) if !matches!(error, billing_core::chain::ChainError::Db(_)) => {
                    error.to_string()
                }
                _ => "could not be run; the log says why".to_owned(),
            };
            RunReport { network: rpc.network.name.clone(), errors: vec![told], ..RunReport::default() }
        });
        NetworkRun { totals: report.totals(), network: report.network, rows: report.rows, errors: report.errors }
    });
    join_all(runs).await
}

async fn run_one(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    limit: i64,
    dry_run: bool,
) -> Result<RunReport, ChargeError> {
    if dry_run {
        return charges::dry_run(pool, rpc, signer.address(), limit).await;
    }
    let worker_instance = format!("billing-api/{}", std::process::id());
    let options = RunOptions {
        limit,
        worker_instance,
        lease_secs: LEASE_SECS,
        receipt_wait: RECEIPT_WAIT,
        stop: CancellationToken::new(),
        progress: Arc::default(),
    };
    charges::run(pool, rpc, signer, &options).await
}
