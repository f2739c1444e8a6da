use alloy::primitives::B256;
use axum::{Json, extract::State};
use billing_core::plans;
use billing_fiat::{Currency, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::payments::Price;
use crate::{
    auth::Admin,
    extract::{Body, PathOf},
    problem::Problem,
    state::AppState,
};

/// What a period is to cost.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutFiatPrice {
    /// ISO 4217.
    currency: String,
    /// Smallest unit.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64)]
    amount_minor: i64,
}

/// What a period of a plan costs in fiat money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FiatPrice {
    #[schema(value_type = String)]
    plan_hash: B256,
    #[serde(flatten)]
    price: Price,
}

/// Sets what a period of a plan costs in a currency
///
/// Who agreed to another price before keeps it.
#[utoipa::path(put, path = "/v1/billing/admin/plans/{plan_hash}/fiat-price", tag = "plans", request_body = PutFiatPrice,
    security(("service_token" = [])), params(("plan_hash" = String, Path)),
    responses(
        (status = OK, body = FiatPrice),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn put_fiat_price(
    State(state): State<AppState>,
    Admin(service): Admin,
    PathOf(plan_hash): PathOf<B256>,
    Body(request): Body<PutFiatPrice>,
) -> Result<Json<FiatPrice>, Problem> {
    let currency: Currency = request.currency.parse().map_err(|error| Problem::field("currency", error))?;
    let price = Money::new(request.amount_minor, currency).map_err(|error| Problem::field("amount_minor", error))?;
    let mut conn = state.pool.acquire().await?;
    plans::find(&mut *conn, plan_hash).await?.ok_or_else(Problem::no_plan)?;
    plans::set_fiat_price(&mut conn, plan_hash, price).await?;
    tracing::info!(target: "audit", service = %service.name, %plan_hash, %price, "fiat price");
    Ok(Json(FiatPrice { plan_hash, price: price.into() }))
}
