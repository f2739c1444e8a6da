#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use alloy::primitives::B256;
use axum::{Json, extract::State};
use billing_core::{
    fiat_subscriptions::{self, FiatSubscription},
    ids::FiatSubscriptionId,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    cursor,
    fiat_subscriptions::no_subscription,
    payments::{Price, owner},
};
use crate::{
    auth::Known,
    extract::{PathOf, QueryOf},
    problem::Problem,
    state::AppState,
};

/// A subscription that is paid in fiat money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FiatSubscriptionAnswer {
    fiat_subscription_id: Uuid,
    #[schema(value_type = String)]
    plan_hash: B256,
    owner: String,
    provider: String,
    /// `incomplete`: the first payment is not decided; `active`; `past_due`: a period is over and the next one is not paid; `canceled`:
    /// over, ended by its subscriber or never paid; `failed`: over, nobody paid for it through all tries.
    status: &'static str,
    /// One period, as it was agreed to.
    #[serde(flatten)]
    price: Price,
    period_secs: i64,
    /// What is charged; null until the first payment left one, and where its owner must give another one.
    payment_method_id: Option<Uuid>,
    /// The payment that is not decided.
    open_payment_id: Option<Uuid>,
    periods_paid: i64,
    /// Refusals since the last period that was paid.
    attempts: u32,
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    /// First instant that is not paid for.
    #[serde(with = "time::serde::rfc3339::option")]
    paid_until: Option<OffsetDateTime>,
    /// When it is charged, or tried again; null where it is not.
    #[serde(with = "time::serde::rfc3339::option")]
    next_charge_at: Option<OffsetDateTime>,
    /// When its subscriber ended it; what is paid for stays.
    #[serde(with = "time::serde::rfc3339::option")]
    canceled_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<FiatSubscription> for FiatSubscriptionAnswer {
    fn from(own: FiatSubscription) -> Self {
        Self {
            fiat_subscription_id: own.id.0,
            plan_hash: own.plan_hash,
            owner: own.owner,
            provider: own.provider,
            status: own.status.as_str(),
            price: own.price.into(),
            period_secs: own.period_secs,
            payment_method_id: own.method.map(|id| id.0),
            open_payment_id: own.open.map(|id| id.0),
            periods_paid: own.periods_paid,
            attempts: own.attempts,
            started_at: own.started_at,
            paid_until: own.paid_until,
            next_charge_at: own.look_at.filter(|_| own.canceled_at.is_none()),
            canceled_at: own.canceled_at,
            created_at: own.created_at,
        }
    }
}

/// Which subscriptions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FiatSubscriptionsQuery {
    /// Whose.
    owner: String,
    /// 1 to 100; 50 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of subscriptions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FiatSubscriptionsPage {
    fiat_subscriptions: Vec<FiatSubscriptionAnswer>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Shows a subscription that is paid in fiat money
#[utoipa::path(get, path = "/v1/billing/fiat-subscriptions/{fiat_subscription_id}", tag = "fiat subscriptions",
    security(("service_token" = [])), params(("fiat_subscription_id" = String, Path)),
    responses(
        (status = OK, body = FiatSubscriptionAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn read_fiat_subscription(
    State(state): State<AppState>,
    _: Known,
    PathOf(id): PathOf<Uuid>,
) -> Result<Json<FiatSubscriptionAnswer>, Problem> {
    let own = fiat_subscriptions::find(&state.pool, FiatSubscriptionId(id)).await?.ok_or_else(no_subscription)?;
    Ok(Json(own.into()))
}

/// Lists an owner's subscriptions that are paid in fiat money, the latest first
#[utoipa::path(get, path = "/v1/billing/fiat-subscriptions", tag = "fiat subscriptions", params(FiatSubscriptionsQuery),
    security(("service_token" = [])),
    responses(
        (status = OK, body = FiatSubscriptionsPage),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_fiat_subscriptions(
    State(state): State<AppState>,
    _: Known,
    QueryOf(query): QueryOf<FiatSubscriptionsQuery>,
) -> Result<Json<FiatSubscriptionsPage>, Problem> {
    owner(&query.owner)?;
    let limit = cursor::limit(query.limit)?;
    let before = cursor::fiat_subscription(query.cursor.as_deref())?;
    let mut found = fiat_subscriptions::page(&state.pool, &query.owner, before, limit + 1).await?;
    let next_cursor = cursor::cut(&mut found, limit).map(|last| last.id.to_string());
    let fiat_subscriptions = found.into_iter().map(FiatSubscriptionAnswer::from).collect();
    Ok(Json(FiatSubscriptionsPage { fiat_subscriptions, next_cursor }))
}
