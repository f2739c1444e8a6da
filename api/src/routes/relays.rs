use alloy::primitives::{Address, B256};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
};
use billing_core::{
    chain::Rpc,
    ids::RelayId,
    mandates::{self, MandateError, Refusal, RefusalReason, Relay, RelayOutcome, RelayRequest},
    money::TokenAmount,
};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{extract::PathOf, problem::Problem, state::AppState};

/// What we sent for a subscriber who signed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RelayAnswer {
    relay_id: Uuid,
    /// `submitted`, `mined`, `reverted` or `dropped`.
    status: &'static str,
    /// Another one after its fee was raised.
    #[schema(value_type = String)]
    tx_hash: B256,
    chain_id: u64,
    /// `subscribe`, `cancel`, `pause` or `resume`.
    kind: &'static str,
    #[schema(value_type = String)]
    plan_hash: B256,
    #[schema(value_type = String)]
    subscriber: Address,
    /// Of the message that was signed, decimal.
    nonce: String,
    /// Gas of the receipt.
    gas_used: Option<u64>,
    /// What it cost us in wei, decimal.
    #[schema(value_type = Option<String>)]
    fee_wei: Option<TokenAmount>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When its receipt was seen.
    #[serde(with = "time::serde::rfc3339::option")]
    settled_at: Option<OffsetDateTime>,
}

impl From<Relay> for RelayAnswer {
    fn from(relay: Relay) -> Self {
        Self {
            relay_id: relay.id.0,
            status: relay.status.as_str(),
            tx_hash: relay.tx_hash,
            chain_id: relay.chain_id.as_u64(),
            kind: relay.kind.as_str(),
            plan_hash: relay.plan_hash,
            subscriber: relay.subscriber,
            nonce: relay.nonce.to_string(),
            gas_used: relay.gas_used,
            fee_wei: relay.fee_wei,
            created_at: relay.created_at,
            settled_at: relay.settled_at,
        }
    }
}

/// Tells how far a relay is
#[utoipa::path(get, path = "/v1/billing/relays/{relay_id}", tag = "subscriptions", params(("relay_id" = String, Path)),
    responses(
        (status = OK, body = RelayAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn read_relay(
    State(state): State<AppState>,
    PathOf(relay_id): PathOf<Uuid>,
) -> Result<Json<RelayAnswer>, Problem> {
    let found = mandates::find(&state.pool, RelayId(relay_id)).await?;
    let relay =
        found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "relay-not-found", "There is no such relay"))?;
    Ok(Json(relay.into()))
}

/// Sends what was signed; `signed` is the object of the request that holds the signature.
pub(super) async fn send(
    state: &AppState,
    rpc: &Rpc,
    request: RelayRequest,
    signed: &str,
) -> Result<(StatusCode, Json<RelayAnswer>), Problem> {
    let relayer = relayer(state)?;
    let limits = state.relay_limits_on(rpc);
    let (plan_hash, subscriber, ..) = request.message.parts();
    let kind = request.message.kind().as_str();
    let outcome = mandates::relay(&state.pool, rpc, relayer, &limits, &request, OffsetDateTime::now_utc()).await?;
    match outcome {
        RelayOutcome::Sent(relay) => {
            tracing::info!(target: "audit", requester = request.requested_by, %plan_hash, %subscriber, kind,
                relay.id = %relay.id.0, network = rpc.network.name, "relay");
            Ok((StatusCode::ACCEPTED, Json((*relay).into())))
        }
        RelayOutcome::Known(relay) => Ok((StatusCode::OK, Json((*relay).into()))),
        RelayOutcome::Refused(refusal) => Err(refused(refusal, signed)),
    }
}

/// The account that sends.
pub(super) fn relayer(state: &AppState) -> Result<&alloy::signers::local::PrivateKeySigner, Problem> {
    let missing = || Problem::not_configured("relaying needs BILLING_RELAYER_KEY or BILLING_OPERATOR_KEY");
    state.relayer.as_deref().ok_or_else(missing)
}

fn refused(refusal: Refusal, signed: &str) -> Problem {
    let wait = refusal.retry_at.map(|at| (at - OffsetDateTime::now_utc()).whole_seconds().max(1));
    let problem = match refusal.reason {
        RefusalReason::SubscriberLimit(limit) => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "relay-limit", "Too many relays for this subscriber")
                .detail(format!("{limit} in 24 hours; the wallet can send it itself at any time"))
        }
        RefusalReason::Budget => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "relay-budget", "The gas of the day is used up")
                .detail("the wallet can send it itself at any time")
        }
        RefusalReason::GasPrice => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "gas-price", "Gas costs too much on this chain now")
        }
        RefusalReason::TooMuchGas(gas) => {
            Problem::new(StatusCode::CONFLICT, "relay-too-costly", "It would use more gas than one relay may")
                .detail(format!("it takes {gas} gas; the wallet can send it itself"))
        }
        RefusalReason::NonceUsed => {
            Problem::new(StatusCode::CONFLICT, "nonce-used", "A message with this nonce was used before")
                .detail("sign again with another nonce; without one in the request a free one is chosen")
        }
        RefusalReason::Signature => {
            Problem::field(&format!("{signed}.signature"), "is not the subscriber's over these terms")
        }
        RefusalReason::Reverts(reason) => {
            Problem::new(StatusCode::CONFLICT, "call-reverts", "The contract refuses the call").detail(reason)
        }
    };
    match wait {
        Some(seconds) => problem.header(header::RETRY_AFTER, &seconds.to_string()),
        None => problem,
    }
}

impl From<MandateError> for Problem {
    fn from(error: MandateError) -> Self {
        match error {
            MandateError::Field(name, problem) => Self::field(name, problem),
            MandateError::Unsigned => Self::field("mandate.signature", error),
            MandateError::OwnAccount(_) => Self::field("subscriber", error),
            MandateError::NoNonce(_) => Self::field("nonce", error),
            MandateError::BelowPrice { .. } => Self::field("mandate.max_amount", error),
            MandateError::NoQuote { .. } => {
                Self::new(StatusCode::CONFLICT, "no-quote", "The plan cannot be priced in this token").detail(error)
            }
            MandateError::Subscribe(error) => error.into(),
            MandateError::Chain(error) => error.into(),
            MandateError::Db(error) => error.into(),
        }
    }
}
