use alloy::primitives::B256;
use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    fiat_subscriptions::{self, FiatSubscriptionError, NewFiatSubscription},
    ids::{FiatSubscriptionId, PaymentMethodId},
    payments::{Asked, Status},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    fallbacks::{DESCRIPTION, no_price},
    packs::ReceiptCodes,
    payer::{buyer, receipt, return_url},
    payments::{PaymentAnswer, no_method, other_request, owner},
    read_fiat_subscriptions::FiatSubscriptionAnswer,
    topups::sent,
};
use crate::{
    auth::{Internal, Service},
    extract::{Body, IdempotencyKey, PathOf},
    problem::Problem,
    state::AppState,
};

/// A plan for somebody without a wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateFiatSubscription {
    /// Its period is taken, and its fiat price of now is agreed to.
    #[schema(value_type = String)]
    plan_hash: B256,
    /// `yookassa` or `stripe`.
    provider: String,
    /// ISO 4217; the plan must have a price in it.
    currency: String,
    /// Who subscribes: `telegram:42`, ...; up to 128 characters.
    owner: String,
    /// Where the provider sends the payer after the first payment; https, or http.
    return_url: String,
    /// For receipts and the provider's letters.
    email: Option<String>,
    /// As above; digits without a plus.
    phone: Option<String>,
    /// Codes of the receipt's line, where one must be registered.
    receipt: Option<ReceiptCodes>,
}

/// A subscription that was begun, and its first payment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FiatSubscriptionBegun {
    #[serde(flatten)]
    subscription: FiatSubscriptionAnswer,
    /// The payer goes to its `confirmation_url`.
    first_payment: PaymentAnswer,
}

/// The method that is to be charged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetMethod {
    /// Its owner's, with the same provider.
    payment_method_id: Uuid,
}

/// Subscribes somebody to a plan for fiat money
///
/// The first payment is made on the provider's page and leaves the method that later periods are taken from, each when it begins. With
/// the same key and the same body it is the same subscription. 202: the provider was not heard yet; ask again with the same key until
/// the first payment is no longer `created`.
#[utoipa::path(post, path = "/v1/billing/fiat-subscriptions", tag = "fiat subscriptions",
    request_body = CreateFiatSubscription, security(("service_token" = [])),
    params(("Idempotency-Key" = String, Header, description = "The caller's own, 1 to 255 visible ASCII characters")),
    responses(
        (status = CREATED, body = FiatSubscriptionBegun),
        (status = ACCEPTED, body = FiatSubscriptionBegun),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn create_fiat_subscription(
    State(state): State<AppState>,
    Internal(service): Internal,
    IdempotencyKey(key): IdempotencyKey,
    Body(request): Body<CreateFiatSubscription>,
) -> Result<(StatusCode, Json<FiatSubscriptionBegun>), Problem> {
    let new = new(&service, key, request)?;
    let mut db_tx = state.pool.begin().await?;
    let started = fiat_subscriptions::start_in_tx(&mut db_tx, &state.providers, &new).await?;
    db_tx.commit().await?;
    tracing::info!(target: "audit", service = %service.name, fiat_subscription.id = %started.id, plan_hash = %new.plan_hash,
        provider = new.provider, owner = new.owner, "fiat subscription");
    let payment = sent(&state, started.payment).await?;
    let subscription = fiat_subscriptions::find(&state.pool, started.id).await?.ok_or_else(no_subscription)?;
    let status = if payment.status == Status::Created { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let begun = FiatSubscriptionBegun { subscription: subscription.into(), first_payment: payment.into() };
    Ok((status, Json(begun)))
}

fn new(service: &Service, key: String, request: CreateFiatSubscription) -> Result<NewFiatSubscription, Problem> {
    owner(&request.owner)?;
    return_url(&request.return_url)?;
    let currency = request.currency.parse().map_err(|error| Problem::field("currency", error))?;
    let buyer = buyer(request.email, request.phone)?;
    let receipt = receipt(request.receipt, &buyer)?;
    Ok(NewFiatSubscription {
        asked: Asked { by: service.name.clone(), key },
        plan_hash: request.plan_hash,
        provider: request.provider,
        currency,
        owner: request.owner,
        return_url: request.return_url,
        description: DESCRIPTION.to_owned(),
        buyer,
        receipt,
    })
}

/// Ends a subscription for its subscriber
///
/// What is paid for stays: it is `active` until then. Nothing more is charged. Ended before, or over, it is shown as it is.
#[utoipa::path(post, path = "/v1/billing/fiat-subscriptions/{fiat_subscription_id}/cancel", tag = "fiat subscriptions",
    security(("service_token" = [])), params(("fiat_subscription_id" = String, Path)),
    responses(
        (status = OK, body = FiatSubscriptionAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn cancel_fiat_subscription(
    State(state): State<AppState>,
    Internal(service): Internal,
    PathOf(id): PathOf<Uuid>,
) -> Result<Json<FiatSubscriptionAnswer>, Problem> {
    let id = FiatSubscriptionId(id);
    let own = fiat_subscriptions::cancel(&state.pool, id, OffsetDateTime::now_utc()).await?;
    tracing::info!(target: "audit", service = %service.name, fiat_subscription.id = %id, "fiat subscription canceled");
    Ok(Json(own.into()))
}

/// Charges another method from now on
///
/// At once where a period is not paid.
#[utoipa::path(post, path = "/v1/billing/fiat-subscriptions/{fiat_subscription_id}/method", tag = "fiat subscriptions",
    request_body = SetMethod, security(("service_token" = [])), params(("fiat_subscription_id" = String, Path)),
    responses(
        (status = OK, body = FiatSubscriptionAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn set_fiat_subscription_method(
    State(state): State<AppState>,
    Internal(service): Internal,
    PathOf(id): PathOf<Uuid>,
    Body(request): Body<SetMethod>,
) -> Result<Json<FiatSubscriptionAnswer>, Problem> {
    let (id, method) = (FiatSubscriptionId(id), PaymentMethodId(request.payment_method_id));
    let own = fiat_subscriptions::set_method(&state.pool, id, method, OffsetDateTime::now_utc()).await?;
    tracing::info!(target: "audit", service = %service.name, fiat_subscription.id = %id, method.id = %method, "fiat subscription's method");
    Ok(Json(own.into()))
}

/// 404 for a subscription.
pub(super) fn no_subscription() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "fiat-subscription-not-found", "There is no such subscription")
}

impl From<FiatSubscriptionError> for Problem {
    fn from(error: FiatSubscriptionError) -> Self {
        match error {
            FiatSubscriptionError::NoPlan(_) => Self::no_plan(),
            FiatSubscriptionError::NoPrice { .. } => no_price(),
            FiatSubscriptionError::Differs => other_request(),
            FiatSubscriptionError::NotFound(_) => no_subscription(),
            FiatSubscriptionError::NotCharged(_) => Self::new(
                StatusCode::CONFLICT,
                "fiat-subscription-not-charged",
                "Nothing is charged for this subscription: its first payment is open, or it is ended",
            ),
            FiatSubscriptionError::NoMethod(_) => no_method(),
            FiatSubscriptionError::Payment(error) => error.into(),
            FiatSubscriptionError::Plan(error) => error.into(),
            FiatSubscriptionError::Db(error) => error.into(),
        }
    }
}
