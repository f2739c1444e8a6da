#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use alloy::primitives::{Address, B256};
use axum::{Json, extract::State};
use billing_core::{
    ids::ChainId,
    views::{self, SubscriptionFilter, SubscriptionView},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{cursor, schema};
use crate::{extract::QueryOf, problem::Problem, state::AppState};

const STATUSES: [&str; 7] = ["trialing", "active", "past_due", "paused", "ended", "canceled", "failed"];

/// Which subscriptions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SubscriptionsQuery {
    /// Only this wallet's.
    #[param(value_type = Option<String>)]
    subscriber: Option<Address>,
    /// Only on this chain.
    chain_id: Option<i64>,
    /// Only to this plan.
    #[param(value_type = Option<String>)]
    plan_hash: Option<B256>,
    /// `trialing`, `active`, `past_due`, `paused`, `ended`, `canceled` or `failed`.
    status: Option<String>,
    /// 1 to 100; 50 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of subscriptions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionsPage {
    #[schema(value_type = Vec<schema::Subscription>)]
    subscriptions: Vec<SubscriptionView>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Lists subscriptions by chain, plan and wallet
#[utoipa::path(get, path = "/v1/billing/subscriptions", tag = "subscriptions", params(SubscriptionsQuery),
    responses(
        (status = OK, body = SubscriptionsPage),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_subscriptions(
    State(state): State<AppState>,
    QueryOf(query): QueryOf<SubscriptionsQuery>,
) -> Result<Json<SubscriptionsPage>, Problem> {
    let limit = cursor::limit(query.limit)?;
    let after = cursor::subscription(query.cursor.as_deref())?;
    if query.status.as_ref().is_some_and(|status| !STATUSES.contains(&status.as_str())) {
        return Err(Problem::field("status", format!("is none of {}", STATUSES.join(", "))));
    }
    let filter = SubscriptionFilter {
        subscriber: query.subscriber,
        chain_id: query.chain_id.map(ChainId),
        plan_hash: query.plan_hash,
        status: query.status,
    };
    let mut subscriptions = views::subscriptions_page(&state.pool, &filter, after, limit + 1).await?;
    let next_cursor = cursor::cut(&mut subscriptions, limit)
        .map(|last| format!("{}.{}.{}", last.chain_id, last.plan_hash, last.subscriber));
    Ok(Json(SubscriptionsPage { subscriptions, next_cursor }))
}
