use alloy::primitives::{Address, B256};
use axum::{Json, extract::State};
use billing_core::{money::TokenAmount, subscriptions};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{orders::OrderStep, plans::chain_of, time_of::now_on};
use crate::{extract::Body, problem::Problem, state::AppState};

/// A wallet's wish to move to another plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    chain_id: u64,
    #[schema(value_type = String)]
    subscriber: Address,
    /// Of the running subscription.
    #[schema(value_type = String)]
    from_plan: B256,
    /// Of the same merchant and token.
    #[schema(value_type = String)]
    to_plan: B256,
}

/// Makes what a wallet sends to move to another plan
///
/// Unused paid time becomes time of the new plan; where there is none, the first period is charged. To have it sent by
/// us, or in another token, subscribe with a mandate that `replaces` the old plan.
#[utoipa::path(post, path = "/v1/billing/switch", tag = "subscriptions", request_body = Switch,
    responses(
        (status = OK, body = OrderStep),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn switch(
    State(state): State<AppState>,
    Body(request): Body<Switch>,
) -> Result<Json<OrderStep>, Problem> {
    let rpc = chain_of(&state, request.chain_id)?;
    let now = now_on(rpc).await?;
    let (from, to) = (request.from_plan, request.to_plan);
    let payload = subscriptions::switch(rpc, from, to, request.subscriber, now).await?;
    Ok(Json(OrderStep::Ready { txn_payload: payload.into() }))
}

/// A wallet's wish to have native coin back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Withdraw {
    chain_id: u64,
    /// Whose deposit.
    #[schema(value_type = String)]
    account: Address,
    /// Wei, decimal; all of it when absent.
    #[schema(value_type = Option<String>)]
    amount: Option<TokenAmount>,
    /// Who gets it; the account when absent.
    #[schema(value_type = Option<String>)]
    receiver: Option<Address>,
}

/// Makes what a wallet sends to withdraw its deposit
#[utoipa::path(post, path = "/v1/billing/withdraw", tag = "subscriptions", request_body = Withdraw,
    responses(
        (status = OK, body = OrderStep),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn withdraw(
    State(state): State<AppState>,
    Body(request): Body<Withdraw>,
) -> Result<Json<OrderStep>, Problem> {
    let rpc = chain_of(&state, request.chain_id)?;
    let now = now_on(rpc).await?;
    let receiver = request.receiver.unwrap_or(request.account);
    let amount = request.amount.map(|amount| amount.0);
    let payload = subscriptions::withdraw_native(rpc, request.account, amount, receiver, now).await?;
    Ok(Json(OrderStep::Ready { txn_payload: payload.into() }))
}
