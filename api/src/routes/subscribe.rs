use alloy::primitives::{Address, B256, Bytes, U256};
use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    chain::{PermitError, PermitSignature},
    subscriptions::{self, Authorization, SubscribeError, SubscribeRequest, SubscribeSteps},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    plans::{Payload, chain_of},
    time_of::now_on,
};
use crate::{extract::Body, problem::Problem, state::AppState};

/// A wallet's wish to subscribe.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    #[schema(value_type = String)]
    plan_hash: B256,
    chain_id: u64,
    /// The wallet that pays and sends.
    #[schema(value_type = String)]
    subscriber: Address,
    /// How charges are authorized.
    authorization: Authorizes,
    /// The signed permit, in the second request of `permit`.
    permit: Option<Permit>,
    /// Periods to authorize (or to deposit for): 1 to 120.
    #[serde(default = "default_periods")]
    #[schema(default = 12, minimum = 1, maximum = 120)]
    periods: u32,
}

fn default_periods() -> u32 {
    12
}

/// How charges are authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Authorizes {
    /// An ERC-20 allowance, set by a transaction of its own.
    Approval,
    /// A deposit of the chain's native coin.
    Native,
    /// An ERC-20 allowance, set by a signature (ERC-2612).
    Permit,
}

/// What the wallet signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Permit {
    /// `message.value` of the typed data.
    #[schema(value_type = String)]
    value: U256,
    /// `message.deadline` of the typed data: unix seconds, number or decimal string.
    #[schema(value_type = String)]
    deadline: U256,
    #[schema(value_type = String)]
    signature: Bytes,
}

/// A wallet's wish to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unsubscribe {
    #[schema(value_type = String)]
    plan_hash: B256,
    chain_id: u64,
    #[schema(value_type = String)]
    subscriber: Address,
}

/// What the wallet does next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum SubscribeStep {
    /// Sign `typed_data` and send the request again with `permit`.
    SignatureRequired {
        /// For `eth_signTypedData_v4`.
        #[schema(value_type = Object)]
        typed_data: serde_json::Value,
    },
    /// Send `approval` where there is one, then `txn_payload`.
    Ready {
        /// Lets the contract take the periods' price; null where nothing is missing.
        approval: Option<Payload>,
        /// The subscription itself; the first period is charged in it.
        txn_payload: Payload,
    },
}

/// What the wallet sends to end its subscription.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum UnsubscribeStep {
    /// Send `txn_payload`.
    Ready {
        /// The cancellation.
        txn_payload: Payload,
    },
}

/// Makes what a wallet signs and sends to subscribe
///
/// Nothing is stored: the subscription is there when the wallet's transaction is on the chain.
#[utoipa::path(post, path = "/v1/billing/subscribe", tag = "subscriptions", request_body = Subscribe,
    responses(
        (status = OK, body = SubscribeStep),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn subscribe(
    State(state): State<AppState>,
    Body(request): Body<Subscribe>,
) -> Result<Json<SubscribeStep>, Problem> {
    let rpc = chain_of(&state, request.chain_id)?;
    let request = SubscribeRequest {
        plan_hash: request.plan_hash,
        subscriber: request.subscriber,
        authorization: authorization(request.authorization, request.permit)?,
        periods: request.periods,
    };
    let steps = subscriptions::subscribe(rpc, &request, now_on(rpc).await?).await?;
    Ok(Json(match steps {
        SubscribeSteps::SignPermit { typed_data } => SubscribeStep::SignatureRequired { typed_data },
        SubscribeSteps::Send { approval, subscribe } => SubscribeStep::Ready {
            approval: approval.map(|approval| (*approval).into()),
            txn_payload: (*subscribe).into(),
        },
    }))
}

fn authorization(authorizes: Authorizes, permit: Option<Permit>) -> Result<Authorization, Problem> {
    match (authorizes, permit) {
        (Authorizes::Permit, permit) => Ok(Authorization::Permit(permit.map(signed).transpose()?)),
        (_, Some(_)) => Err(Problem::field("permit", "goes with the authorization permit only")),
        (Authorizes::Approval, None) => Ok(Authorization::Approval),
        (Authorizes::Native, None) => Ok(Authorization::Native),
    }
}

/// The permit as the wallet signed it.
pub(super) fn signed(permit: Permit) -> Result<PermitSignature, Problem> {
    let Permit { value, deadline, signature } = permit;
    let deadline = deadline.try_into().map_err(|_| Problem::field("permit.deadline", "is too large"))?;
    Ok(PermitSignature { value, deadline, signature })
}

/// Makes what a wallet sends to end its subscription
#[utoipa::path(post, path = "/v1/billing/unsubscribe", tag = "subscriptions", request_body = Unsubscribe,
    responses(
        (status = OK, body = UnsubscribeStep),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn unsubscribe(
    State(state): State<AppState>,
    Body(request): Body<Unsubscribe>,
) -> Result<Json<UnsubscribeStep>, Problem> {
    let rpc = chain_of(&state, request.chain_id)?;
    let now = now_on(rpc).await?;
    let payload = subscriptions::unsubscribe(rpc, request.plan_hash, request.subscriber, now).await?;
    Ok(Json(UnsubscribeStep::Ready { txn_payload: payload.into() }))
}

impl From<SubscribeError> for Problem {
    fn from(error: SubscribeError) -> Self {
        let conflict = |name, title, error: &SubscribeError| {
            Self::new(StatusCode::CONFLICT, name, title).detail(error.to_string())
        };
        match error {
            SubscribeError::Chain(error) => error.into(),
            SubscribeError::PlanNotFound { .. } => Self::no_plan(),
            SubscribeError::PlanNotOpen { .. } => {
                conflict("plan-not-open", "The plan takes no new subscribers", &error)
            }
            SubscribeError::AlreadySubscribed { .. } => {
                conflict("already-subscribed", "The wallet is subscribed already", &error)
            }
            SubscribeError::NotSubscribed { .. } => conflict("not-subscribed", "The wallet is not subscribed", &error),
            SubscribeError::InsufficientBalance { .. } => {
                conflict("insufficient-balance", "The wallet cannot pay the first period", &error)
            }
            SubscribeError::WrongAuthorization { .. } | SubscribeError::Permit(PermitError::Unsupported(_)) => {
                Self::field("authorization", error)
            }
            SubscribeError::Periods => Self::field("periods", error),
            SubscribeError::Permit(PermitError::Chain(error)) => error.into(),
            SubscribeError::Permit(PermitError::Signer(_)) => Self::field("permit.signature", error),
            SubscribeError::PermitExpired => Self::field("permit.deadline", error),
            SubscribeError::PermitValue { .. } => Self::field("permit.value", error),
        }
    }
}
