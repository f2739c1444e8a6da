//! Ends, pauses and their ends: as a payload for the wallet, or signed by it and sent by us.

use alloy::primitives::{Address, B256, Bytes, U256};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use billing_core::{
    mandates::{self, Message, Order, OrderRequest, RelayRequest},
    subscriptions,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    plans::{Payload, chain_of},
    relays::{self, RelayAnswer, relayer},
    time_of::now_on,
};
use crate::{extract::Body, problem::Problem, request::Requester, state::AppState};

/// What a wallet wants done to its subscription.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderBody {
    #[schema(value_type = String)]
    plan_hash: B256,
    chain_id: u64,
    #[schema(value_type = String)]
    subscriber: Address,
    /// Sent by us, at our cost: the wallet signs only.
    #[serde(default)]
    relay: bool,
    /// What was signed, in the second request of a relay.
    order: Option<SignedOrder>,
}

/// What the wallet signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignedOrder {
    /// `message.nonce` of the typed data: number, or decimal or 0x-hex string.
    #[schema(value_type = String)]
    nonce: U256,
    /// `message.deadline` of the typed data: unix seconds.
    #[schema(value_type = String)]
    deadline: U256,
    #[schema(value_type = String)]
    signature: Bytes,
}

/// What the wallet does next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum OrderStep {
    /// Sign `typed_data` and send the request again with `order`: nonce and deadline of its message, and the signature.
    SignatureRequired {
        /// For `eth_signTypedData_v4`.
        #[schema(value_type = Object)]
        typed_data: serde_json::Value,
    },
    /// Send `txn_payload`.
    Ready {
        /// The call.
        txn_payload: Payload,
    },
}

#[derive(Clone, Copy)]
enum Verb {
    Cancel,
    Pause,
    Resume,
}

impl Verb {
    const fn message(self, order: Order) -> Message {
        match self {
            Self::Cancel => Message::Cancel(order),
            Self::Pause => Message::Pause(order),
            Self::Resume => Message::Resume(order),
        }
    }
}

/// Ends a subscription: makes what its wallet sends, or sends what it signed
#[utoipa::path(post, path = "/v1/billing/unsubscribe", tag = "subscriptions", request_body = OrderBody,
    responses(
        (status = OK, description = "to be sent or signed by the wallet, or sent before", body = OrderStep),
        (status = ACCEPTED, description = "sent", body = RelayAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn unsubscribe(
    State(state): State<AppState>,
    requester: Requester,
    Body(request): Body<OrderBody>,
) -> Result<Response, Problem> {
    answer(state, requester, request, Verb::Cancel).await
}

/// Pauses a subscription: makes what its wallet sends, or sends what it signed
///
/// Nothing is charged until it is resumed; time paid ahead is kept.
#[utoipa::path(post, path = "/v1/billing/pause", tag = "subscriptions", request_body = OrderBody,
    responses(
        (status = OK, description = "to be sent or signed by the wallet, or sent before", body = OrderStep),
        (status = ACCEPTED, description = "sent", body = RelayAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn pause(
    State(state): State<AppState>,
    requester: Requester,
    Body(request): Body<OrderBody>,
) -> Result<Response, Problem> {
    answer(state, requester, request, Verb::Pause).await
}

/// Ends a pause: makes what the wallet sends, or sends what it signed
#[utoipa::path(post, path = "/v1/billing/resume", tag = "subscriptions", request_body = OrderBody,
    responses(
        (status = OK, description = "to be sent or signed by the wallet, or sent before", body = OrderStep),
        (status = ACCEPTED, description = "sent", body = RelayAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn resume(
    State(state): State<AppState>,
    requester: Requester,
    Body(request): Body<OrderBody>,
) -> Result<Response, Problem> {
    answer(state, requester, request, Verb::Resume).await
}

async fn answer(state: AppState, requester: Requester, request: OrderBody, verb: Verb) -> Result<Response, Problem> {
    let rpc = chain_of(&state, request.chain_id)?;
    let (plan_hash, subscriber) = (request.plan_hash, request.subscriber);
    if let Some(SignedOrder { nonce, deadline, signature }) = request.order {
        if !request.relay {
            return Err(Problem::field("order", "goes with relay only"));
        }
        let message = verb.message(Order { planHash: plan_hash, subscriber, nonce, deadline });
        let relay = RelayRequest { message, signature, permit: None, requested_by: requester.0 };
        return Ok(relays::send(&state, rpc, relay, "order").await?.into_response());
    }
    let now = now_on(rpc).await?;
    let payload = match verb {
        Verb::Cancel => subscriptions::unsubscribe(rpc, plan_hash, subscriber, now).await?,
        Verb::Pause => subscriptions::pause(rpc, plan_hash, subscriber, now).await?,
        Verb::Resume => subscriptions::resume(rpc, plan_hash, subscriber, now).await?,
    };
    if !request.relay {
        return Ok(Json(OrderStep::Ready { txn_payload: payload.into() }).into_response());
    }
    relayer(&state)?;
    let order = OrderRequest { plan_hash, subscriber, nonce: None, deadline: None };
    let order = mandates::order(&state.pool, rpc, &order, now).await?;
    let typed_data = verb.message(order).typed_data(&rpc.network);
    Ok(Json(OrderStep::SignatureRequired { typed_data }).into_response())
}
