use alloy::primitives::B256;
use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    chain::{CallRequest, Rpc},
    plans::{self, PlanStatus},
    views,
};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plans::{Payload, RefusedCall, payload};
use crate::{
    auth::Admin,
    extract::{Body, PathOf},
    problem::Problem,
    state::AppState,
};

const URI_LEN_MAX: usize = 2_048;

/// What is to change; at least one of both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePlan {
    /// Where the plan is described from now on.
    uri: Option<String>,
    /// Whether it is billed and open.
    status: Option<NewStatus>,
}

/// A merchant's choice.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum NewStatus {
    /// Billed, open to new subscribers.
    Active,
    /// Billed, closed to new subscribers.
    Closed,
    /// Neither.
    Inactive,
}

/// Calls for the merchant's wallet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanChanges {
    #[schema(value_type = String)]
    plan_hash: B256,
    txn_payloads: Vec<Payload>,
    /// Calls that a chain would refuse, or that could not be tried: most often it is so already.
    refused: Vec<RefusedCall>,
}

/// Makes the calls that change a plan
///
/// Only the merchant may change a plan, so the answer is what the merchant's wallet sends, one call per chain and change.
#[utoipa::path(patch, path = "/v1/billing/admin/plans/{plan_hash}", tag = "plans", request_body = ChangePlan,
    security(("service_token" = [])), params(("plan_hash" = String, Path)),
    responses(
        (status = OK, body = PlanChanges),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn change_plan(
    State(state): State<AppState>,
    Admin(service): Admin,
    PathOf(plan_hash): PathOf<B256>,
    Body(request): Body<ChangePlan>,
) -> Result<Json<PlanChanges>, Problem> {
    check(&request)?;
    let plan = views::plan(&state.pool, plan_hash).await?.ok_or_else(Problem::no_plan)?;
    let chains: Vec<_> = plan.chains.iter().filter_map(|chain| state.chain(chain.chain_id)).collect();
    if chains.is_empty() {
        return Err(Problem::new(StatusCode::CONFLICT, "plan-on-no-chain", "The plan stands on no chain yet"));
    }
    tracing::info!(target: "audit", service = %service.name, %plan_hash, "change plan");
    let calls = chains.iter().flat_map(|rpc| calls(rpc, plan_hash, &request).into_iter().map(move |call| (*rpc, call)));
    let each = calls.map(|(rpc, call)| async move { (rpc, payload(rpc, plan.merchant, call).await) });
    let mut changes = PlanChanges { plan_hash, txn_payloads: Vec::new(), refused: Vec::new() };
    for (rpc, result) in join_all(each).await {
        match result {
            Ok(payload) => changes.txn_payloads.push(payload),
            Err(error) => changes.refused.push(RefusedCall::new(rpc, &error)),
        }
    }
    Ok(Json(changes))
}

fn check(request: &ChangePlan) -> Result<(), Problem> {
    if request.uri.is_none() && request.status.is_none() {
        return Err(Problem::field("", "uri or status must be there"));
    }
    match &request.uri {
        Some(uri) if uri.chars().count() > URI_LEN_MAX => {
            Err(Problem::field("uri", format!("is longer than {URI_LEN_MAX} characters")))
        }
        Some(uri) if uri.chars().any(char::is_control) => Err(Problem::field("uri", "holds a control character")),
        _ => Ok(()),
    }
}

fn calls(rpc: &Rpc, plan_hash: B256, request: &ChangePlan) -> Vec<CallRequest> {
    let uri = request.uri.as_ref().map(|uri| plans::uri_call(&rpc.network, plan_hash, uri));
    let status = request.status.map(|status| {
        let status = match status {
            NewStatus::Active => PlanStatus::Active,
            NewStatus::Closed => PlanStatus::Closed,
            NewStatus::Inactive => PlanStatus::Inactive,
        };
        plans::status_call(&rpc.network, plan_hash, status)
    });
    uri.into_iter().chain(status).collect()
}
