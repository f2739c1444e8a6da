use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    ids::{PaymentId, RefundId},
    payments::{self, Payment, Refund, RefundPolicy, refund},
};
use billing_fiat::Money;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::payments::{Price, line, no_payment, other_request};
use crate::{
    auth::{Known, Support},
    extract::{Body, IdempotencyKey, PathOf},
    problem::Problem,
    state::AppState,
};

/// What is to be given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRefund {
    /// Smallest unit of the payment's currency; as much as the policy allows when absent.
    amount_minor: Option<i64>,
    policy: Policy,
    /// For the provider and the books; up to 250 characters.
    reason: String,
}

/// How far a refund may go.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Policy {
    /// The price of what was not used; those credits are taken back.
    Unused,
    /// Whatever was paid: somebody decided so. As many credits are taken back as there are of those it bought.
    Goodwill,
}

/// Money that goes back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefundAnswer {
    refund_id: Uuid,
    payment_id: Uuid,
    /// `created`: the provider was not heard yet; `pending`, `succeeded` or `canceled`.
    status: &'static str,
    #[serde(flatten)]
    price: Price,
    /// Credits that were taken back for it; smallest unit, decimal.
    credits: String,
    reason: String,
    /// Made in the provider's own pages.
    made_by_provider: bool,
    /// The provider's word for why it came to nothing; its credits were given again.
    cancel_code: Option<String>,
    /// An answer of the provider's that contradicts this: nothing is booked on it. A later one that agrees clears it.
    trouble: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Refund> for RefundAnswer {
    fn from(refund: Refund) -> Self {
        Self {
            refund_id: refund.id.0,
            payment_id: refund.payment.0,
            status: refund.status.as_str(),
            price: refund.amount.into(),
            credits: refund.credits.to_string(),
            reason: refund.reason,
            made_by_provider: refund.foreign_made,
            cancel_code: refund.cancel_code,
            trouble: refund.trouble,
            created_at: refund.created_at,
        }
    }
}

/// Refunds of a payment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refunds {
    refunds: Vec<RefundAnswer>,
}

/// Gives money of a payment back
///
/// For the roles `billing_admin` and `support`. The credits are taken back at once; the provider is asked afterwards, and asked again
/// until it answers. With the same key it is the same refund.
#[utoipa::path(post, path = "/v1/billing/payments/{payment_id}/refunds", tag = "payments", request_body = NewRefund,
    security(("service_token" = [])),
    params(
        ("payment_id" = String, Path),
        ("Idempotency-Key" = String, Header, description = "The caller's own, 1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = ACCEPTED, body = RefundAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn create_refund(
    State(state): State<AppState>,
    Support(service): Support,
    PathOf(payment_id): PathOf<Uuid>,
    IdempotencyKey(key): IdempotencyKey,
    Body(request): Body<NewRefund>,
) -> Result<(StatusCode, Json<RefundAnswer>), Problem> {
    line("reason", &request.reason, 250)?;
    let policy = match request.policy {
        Policy::Unused => RefundPolicy::Unused,
        Policy::Goodwill => RefundPolicy::Goodwill,
    };
    let payment = find(&state, payment_id).await?;
    let amount = request.amount_minor.map(|minor| Money::new(minor, payment.amount.currency()));
    let amount = amount.transpose().map_err(|error| Problem::field("amount_minor", error))?;
    let id = RefundId::asked(&service.name, &key);
    let mut db_tx = state.pool.begin().await?;
    let refund = refund::request_in_tx(&mut db_tx, id, payment.id, amount, policy, &request.reason).await?;
    if refund.reason != request.reason {
        return Err(other_request());
    }
    db_tx.commit().await?;
    state.payments_due.send_replace(());
    tracing::info!(target: "audit", service = %service.name, payment.id = %payment.id, refund.id = %id,
        amount = %refund.amount, ?policy, reason = request.reason, "refund");
    Ok((StatusCode::ACCEPTED, Json(refund.into())))
}

/// Lists the refunds of a payment, the first first
#[utoipa::path(get, path = "/v1/billing/payments/{payment_id}/refunds", tag = "payments",
    security(("service_token" = [])), params(("payment_id" = String, Path)),
    responses(
        (status = OK, body = Refunds),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_refunds(
    State(state): State<AppState>,
    _: Known,
    PathOf(payment_id): PathOf<Uuid>,
) -> Result<Json<Refunds>, Problem> {
    let payment = find(&state, payment_id).await?;
    let refunds = refund::of(&state.pool, payment.id).await?;
    Ok(Json(Refunds { refunds: refunds.into_iter().map(RefundAnswer::from).collect() }))
}

async fn find(state: &AppState, id: Uuid) -> Result<Payment, Problem> {
    payments::find(&state.pool, PaymentId(id)).await?.ok_or_else(no_payment)
}
