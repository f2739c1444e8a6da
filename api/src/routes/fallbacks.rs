#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use alloy::primitives::{Address, B256};
use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    charges::fallback::{self, EnrollError, Fallback},
    ids::{ChainId, PaymentMethodId, SubscriptionKey},
    plans,
};
use billing_fiat::Currency;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    packs::ReceiptCodes,
    payer::{buyer, receipt},
    payments::{Price, no_method, owner},
};
use crate::{
    auth::{Internal, Known},
    extract::{Body, QueryOf},
    problem::Problem,
    state::AppState,
};

/// What payers read on each payment.
pub(super) const DESCRIPTION: &str = "Subscription, one period";

/// A subscription on a chain, and the method that pays where the wallet cannot.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutFallback {
    chain_id: u64,
    #[schema(value_type = String)]
    plan_hash: B256,
    #[schema(value_type = String)]
    subscriber: Address,
    /// Whose method it is: `telegram:42`, ...; up to 128 characters.
    owner: String,
    payment_method_id: Uuid,
    /// ISO 4217; the plan must have a fiat price in it. The price of now is agreed to.
    currency: String,
    /// For receipts and the provider's letters.
    email: Option<String>,
    /// As above; digits without a plus.
    phone: Option<String>,
    /// Codes of the receipt's line, where one must be registered.
    receipt: Option<ReceiptCodes>,
}

/// Which subscription's.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FallbackQuery {
    chain_id: u64,
    #[param(value_type = String)]
    plan_hash: B256,
    #[param(value_type = String)]
    subscriber: Address,
}

/// What was agreed to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FallbackAnswer {
    chain_id: u64,
    #[schema(value_type = String)]
    plan_hash: B256,
    #[schema(value_type = String)]
    subscriber: Address,
    owner: String,
    payment_method_id: Uuid,
    /// One period.
    #[serde(flatten)]
    price: Price,
}

impl From<Fallback> for FallbackAnswer {
    fn from(fallback: Fallback) -> Self {
        let SubscriptionKey { chain_id, plan_hash, subscriber } = fallback.key;
        Self {
            chain_id: chain_id.as_u64(),
            plan_hash,
            subscriber,
            owner: fallback.owner,
            payment_method_id: fallback.method.0,
            price: fallback.price.into(),
        }
    }
}

/// Lets a kept method pay for a subscription's periods where the chain cannot
///
/// In place of what was agreed to before. The subscription is one that the chain charges.
#[utoipa::path(put, path = "/v1/billing/fallbacks", tag = "fiat subscriptions", request_body = PutFallback,
    security(("service_token" = [])),
    responses(
        (status = OK, body = FallbackAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn put_fallback(
    State(state): State<AppState>,
    Internal(service): Internal,
    Body(request): Body<PutFallback>,
) -> Result<Json<FallbackAnswer>, Problem> {
    owner(&request.owner)?;
    let key = key(request.chain_id, request.plan_hash, request.subscriber)?;
    let currency: Currency = request.currency.parse().map_err(|error| Problem::field("currency", error))?;
    let buyer = buyer(request.email, request.phone)?;
    let receipt = receipt(request.receipt, &buyer)?;
    let mut conn = state.pool.acquire().await?;
    let price = plans::fiat_price(&mut *conn, key.plan_hash, currency).await?.ok_or_else(no_price)?;
    let fallback = Fallback {
        key,
        owner: request.owner,
        method: PaymentMethodId(request.payment_method_id),
        price,
        description: DESCRIPTION.to_owned(),
        buyer,
        receipt,
    };
    fallback::enroll(&mut conn, &fallback).await?;
    tracing::info!(target: "audit", service = %service.name, chain_id = %key.chain_id, plan_hash = %key.plan_hash,
        subscriber = %key.subscriber, method.id = %fallback.method, %price, "fallback");
    Ok(Json(fallback.into()))
}

/// Shows what was agreed to for a subscription
#[utoipa::path(get, path = "/v1/billing/fallbacks", tag = "fiat subscriptions", params(FallbackQuery),
    security(("service_token" = [])),
    responses(
        (status = OK, body = FallbackAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn read_fallback(
    State(state): State<AppState>,
    _: Known,
    QueryOf(query): QueryOf<FallbackQuery>,
) -> Result<Json<FallbackAnswer>, Problem> {
    let key = key(query.chain_id, query.plan_hash, query.subscriber)?;
    let found = fallback::find(&mut *state.pool.acquire().await?, &key).await?;
    Ok(Json(found.ok_or_else(no_fallback)?.into()))
}

/// Ends what was agreed to for a subscription
///
/// Only the chain is charged from then on; a payment that is under way goes on.
#[utoipa::path(delete, path = "/v1/billing/fallbacks", tag = "fiat subscriptions", params(FallbackQuery),
    security(("service_token" = [])),
    responses(
        (status = NO_CONTENT, description = "Ended"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn end_fallback(
    State(state): State<AppState>,
    Internal(service): Internal,
    QueryOf(query): QueryOf<FallbackQuery>,
) -> Result<StatusCode, Problem> {
    let key = key(query.chain_id, query.plan_hash, query.subscriber)?;
    if !fallback::end(&mut *state.pool.acquire().await?, &key, OffsetDateTime::now_utc()).await? {
        return Err(no_fallback());
    }
    tracing::info!(target: "audit", service = %service.name, chain_id = %key.chain_id, plan_hash = %key.plan_hash,
        subscriber = %key.subscriber, "fallback ended");
    Ok(StatusCode::NO_CONTENT)
}

fn key(chain_id: u64, plan_hash: B256, subscriber: Address) -> Result<SubscriptionKey, Problem> {
    let chain_id = ChainId::try_from(chain_id).map_err(|_| Problem::field("chain_id", "is no chain of ours"))?;
    Ok(SubscriptionKey { chain_id, plan_hash, subscriber })
}

fn no_fallback() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "fallback-not-found", "Nothing was agreed to for this subscription")
}

/// 422 for a currency.
pub(super) fn no_price() -> Problem {
    Problem::field("currency", "the plan has no price in it")
}

impl From<EnrollError> for Problem {
    fn from(error: EnrollError) -> Self {
        match error {
            EnrollError::NoSubscription => Self::new(
                StatusCode::NOT_FOUND,
                "subscription-not-found",
                "There is no such subscription that is charged",
            ),
            EnrollError::NoMethod => no_method(),
            EnrollError::Db(error) => error.into(),
        }
    }
}
