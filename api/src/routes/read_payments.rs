#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use axum::{Json, extract::State};
use billing_core::{ids::PaymentId, payments};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    cursor,
    payments::{PaymentAnswer, no_payment, owner},
};
use crate::{
    auth::Known,
    extract::{PathOf, QueryOf},
    problem::Problem,
    state::AppState,
};

/// Which payments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PaymentsQuery {
    /// Whose.
    owner: String,
    /// 1 to 100; 50 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of payments.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentsPage {
    payments: Vec<PaymentAnswer>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Shows a payment
#[utoipa::path(get, path = "/v1/billing/payments/{payment_id}", tag = "payments", security(("service_token" = [])),
    params(("payment_id" = String, Path)),
    responses(
        (status = OK, body = PaymentAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn read_payment(
    State(state): State<AppState>,
    _: Known,
    PathOf(payment_id): PathOf<Uuid>,
) -> Result<Json<PaymentAnswer>, Problem> {
    let payment = payments::find(&state.pool, PaymentId(payment_id)).await?.ok_or_else(no_payment)?;
    Ok(Json(payment.into()))
}

/// Lists an owner's payments, the latest first
#[utoipa::path(get, path = "/v1/billing/payments", tag = "payments", params(PaymentsQuery),
    security(("service_token" = [])),
    responses(
        (status = OK, body = PaymentsPage),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_payments(
    State(state): State<AppState>,
    _: Known,
    QueryOf(query): QueryOf<PaymentsQuery>,
) -> Result<Json<PaymentsPage>, Problem> {
    owner(&query.owner)?;
    let limit = cursor::limit(query.limit)?;
    let before = cursor::payment(query.cursor.as_deref())?;
    let mut found = payments::page(&state.pool, &query.owner, before, limit + 1).await?;
    let next_cursor = cursor::cut(&mut found, limit).map(|last| last.id.to_string());
    Ok(Json(PaymentsPage { payments: found.into_iter().map(PaymentAnswer::from).collect(), next_cursor }))
}
