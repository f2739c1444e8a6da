#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    ids::PaymentMethodId,
    payments::{self, PaymentMethod},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::payments::{no_method, owner};
use crate::{
    auth::{Internal, Known},
    extract::{PathOf, QueryOf},
    problem::Problem,
    state::AppState,
};

/// Whose methods.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OwnerQuery {
    /// Whose.
    owner: String,
}

/// A method of payment that can be charged without the payer.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentMethodAnswer {
    payment_method_id: Uuid,
    provider: String,
    owner: String,
    /// For the payer to know it by: `Visa *4444`.
    title: String,
}

impl From<PaymentMethod> for PaymentMethodAnswer {
    fn from(method: PaymentMethod) -> Self {
        let PaymentMethod { id, provider, owner, title, .. } = method;
        Self { payment_method_id: id.0, provider, owner, title }
    }
}

/// Methods of payment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentMethods {
    payment_methods: Vec<PaymentMethodAnswer>,
}

/// Lists an owner's kept methods of payment
#[utoipa::path(get, path = "/v1/billing/payment-methods", tag = "payments", params(OwnerQuery),
    security(("service_token" = [])),
    responses(
        (status = OK, body = PaymentMethods),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_payment_methods(
    State(state): State<AppState>,
    _: Known,
    QueryOf(query): QueryOf<OwnerQuery>,
) -> Result<Json<PaymentMethods>, Problem> {
    owner(&query.owner)?;
    let methods = payments::methods(&state.pool, &query.owner).await?;
    Ok(Json(PaymentMethods { payment_methods: methods.into_iter().map(PaymentMethodAnswer::from).collect() }))
}

/// Ends a method of payment for its owner
///
/// It is not charged any more.
#[utoipa::path(delete, path = "/v1/billing/payment-methods/{payment_method_id}", tag = "payments",
    security(("service_token" = [])), params(("payment_method_id" = String, Path), OwnerQuery),
    responses(
        (status = NO_CONTENT, description = "Ended"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn end_payment_method(
    State(state): State<AppState>,
    Internal(service): Internal,
    PathOf(payment_method_id): PathOf<Uuid>,
    QueryOf(query): QueryOf<OwnerQuery>,
) -> Result<StatusCode, Problem> {
    owner(&query.owner)?;
    let id = PaymentMethodId(payment_method_id);
    if !payments::end_method(&state.pool, id, &query.owner, OffsetDateTime::now_utc()).await? {
        return Err(no_method());
    }
    tracing::info!(target: "audit", service = %service.name, method.id = %id, owner = query.owner, "payment method ended");
    Ok(StatusCode::NO_CONTENT)
}
