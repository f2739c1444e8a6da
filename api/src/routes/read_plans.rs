#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use alloy::primitives::{Address, B256};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use billing_core::{
    ids::ChainId,
    views::{self, PlanFilter, PlanView},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{cursor, schema};
use crate::{
    extract::{PathOf, QueryOf},
    problem::{self, Problem},
    state::AppState,
};

/// Which plans.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PlansQuery {
    /// Only plans that stand on this chain.
    chain_id: Option<i64>,
    /// Only this merchant's.
    #[param(value_type = Option<String>)]
    merchant: Option<Address>,
    /// Only plans that have this status on a chain: `active`, `closed`, `inactive`.
    status: Option<String>,
    /// 1 to 100; 50 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of plans.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlansPage {
    #[schema(value_type = Vec<schema::Plan>)]
    plans: Vec<PlanView>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Lists plans by hash
#[utoipa::path(get, path = "/v1/billing/plans", tag = "plans", params(PlansQuery),
    responses(
        (status = OK, body = PlansPage),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_plans(
    State(state): State<AppState>,
    QueryOf(query): QueryOf<PlansQuery>,
) -> Result<Json<PlansPage>, Problem> {
    let limit = cursor::limit(query.limit)?;
    let after = cursor::hash(query.cursor.as_deref())?;
    if query.status.as_ref().is_some_and(|status| !["active", "closed", "inactive"].contains(&status.as_str())) {
        return Err(Problem::field("status", "is not active, closed or inactive"));
    }
    let filter = PlanFilter { chain_id: query.chain_id.map(ChainId), merchant: query.merchant, status: query.status };
    let mut plans = views::plans_page(&state.pool, &filter, after, limit + 1).await?;
    let next_cursor = cursor::cut(&mut plans, limit).map(|last| last.plan_hash.to_string());
    Ok(Json(PlansPage { plans, next_cursor }))
}

/// One plan
///
/// Cached for up to five minutes; a change that the mirror saw is shown at once.
#[utoipa::path(get, path = "/v1/billing/plans/{plan_hash}", tag = "plans", params(("plan_hash" = String, Path)),
    responses(
        (status = OK, body = schema::Plan),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn read_plan(
    State(state): State<AppState>,
    PathOf(plan_hash): PathOf<B256>,
) -> Result<Response, Problem> {
    let key = plan_hash.to_string();
    if let Some(json) = state.plans.find(&key).await {
        return Ok(json_text(json));
    }
    let plan = views::plan(&state.pool, plan_hash).await?.ok_or_else(Problem::no_plan)?;
    let json = serde_json::to_string(&plan).map_err(|error| problem::logged(&error))?;
    state.plans.fill(&key, &json).await;
    Ok(json_text(json))
}

fn json_text(json: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}
