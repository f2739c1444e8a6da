use alloy::primitives::{Address, B256, Bytes, U256};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use billing_core::{
    chain::{PermitError, PermitSignature, TxnPayload, permit2::Permit2Signature},
    mandates::TokenPermit,
    subscriptions::{self, Authorization, SubscribeError, SubscribeRequest, SubscribeSteps},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    mandate::{self, MandateSubscription, MandateTerms},
    plans::{Payload, chain_of},
    relays::RelayAnswer,
    time_of::now_on,
};
use crate::{extract::Body, problem::Problem, request::Requester, state::AppState};

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
    authorization: Pays,
    /// The signed permit, in the second request of `permit`.
    permit: Option<Permit>,
    /// The signed permit for Permit2, in the second request of `permit2`.
    permit2: Option<Permit2>,
    /// Terms of the wallet's own, with `mandate`.
    mandate: Option<MandateTerms>,
    /// With `mandate`: sent by us, at our cost; the wallet signs only.
    #[serde(default)]
    relay: bool,
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
enum Pays {
    /// An ERC-20 allowance, set by a transaction of its own.
    Approval,
    /// A deposit of the chain's native coin.
    Native,
    /// An ERC-20 allowance, set by a signature (ERC-2612).
    Permit,
    /// An allowance of Permit2, set by a signature.
    Permit2,
    /// Terms of the wallet's own: another token, an end, a rail, a plan to switch from.
    Mandate,
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

/// What the wallet signed for Permit2.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Permit2 {
    /// `message.details.amount` of the typed data.
    #[schema(value_type = String)]
    amount: U256,
    /// `message.details.expiration`: unix seconds, number or decimal string, as all here.
    #[schema(value_type = String)]
    expiration: U256,
    /// `message.details.nonce`.
    #[schema(value_type = String)]
    nonce: U256,
    /// `message.sigDeadline`.
    #[schema(value_type = String)]
    sig_deadline: U256,
    #[schema(value_type = String)]
    signature: Bytes,
}

/// What the wallet does next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum SubscribeStep {
    /// Send `approval` where there is one, sign what is to be signed, and send the request again with the signatures in
    /// `permit`, `permit2` or `mandate`.
    SignatureRequired {
        /// For `eth_signTypedData_v4`.
        #[schema(value_type = Object)]
        typed_data: serde_json::Value,
        /// A second message, beside a mandate that we send: the token's permit, or Permit2's.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Object>)]
        permit_typed_data: Option<serde_json::Value>,
        /// Lets Permit2 or the contract take the token, or deposits native coin.
        #[serde(skip_serializing_if = "Option::is_none")]
        approval: Option<Payload>,
        /// The mandate with all that was left open: send it back, with the signature.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<MandateTerms>)]
        mandate: Option<Box<MandateTerms>>,
    },
    /// Send `approval` where there is one, then `txn_payload`.
    Ready {
        /// Lets the contract take the periods' price; null where nothing is missing.
        approval: Option<Payload>,
        /// The subscription itself; the first period is charged in it.
        txn_payload: Payload,
    },
}

impl SubscribeStep {
    pub(super) fn of(steps: SubscribeSteps, mandate: Option<MandateTerms>) -> Self {
        let payload = |payload: Box<TxnPayload>| Payload::from(*payload);
        match steps {
            SubscribeSteps::Sign { typed_data, approval } => Self::SignatureRequired {
                typed_data,
                permit_typed_data: None,
                approval: approval.map(payload),
                mandate: mandate.map(Box::new),
            },
            SubscribeSteps::Send { approval, subscribe } => {
                Self::Ready { approval: approval.map(payload), txn_payload: payload(subscribe) }
            }
        }
    }
}

/// Makes what a wallet signs and sends to subscribe
///
/// Nothing is stored: the subscription is there when the wallet's transaction is on the chain. With the authorization
/// `mandate` and `relay`, the wallet signs only, and we send at our cost.
#[utoipa::path(post, path = "/v1/billing/subscribe", tag = "subscriptions", request_body = Subscribe,
    responses(
        (status = OK, description = "to be signed or sent by the wallet, or sent before", body = SubscribeStep),
        (status = ACCEPTED, description = "sent", body = RelayAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn subscribe(
    State(state): State<AppState>,
    requester: Requester,
    Body(request): Body<Subscribe>,
) -> Result<Response, Problem> {
    let rpc = chain_of(&state, request.chain_id)?;
    let (plan_hash, subscriber, periods) = (request.plan_hash, request.subscriber, request.periods);
    let permit = token_permit(request.permit, request.permit2)?;
    if request.authorization == Pays::Mandate {
        let (terms, relay) = (request.mandate.unwrap_or_default(), request.relay);
        let request = MandateSubscription { plan_hash, subscriber, periods, terms, permit, relay };
        return mandate::subscribe(&state, rpc, requester, request).await;
    }
    if request.mandate.is_some() || request.relay {
        let field = if request.relay { "relay" } else { "mandate" };
        return Err(Problem::field(field, "goes with the authorization mandate only"));
    }
    let authorization = authorization(request.authorization, permit)?;
    let request = SubscribeRequest { plan_hash, subscriber, authorization, periods };
    let steps = subscriptions::subscribe(rpc, &request, now_on(rpc).await?).await;
    let steps = steps.map_err(|error| match request.authorization {
        Authorization::Permit2(_) => of_permit2(error.into()),
        _ => error.into(),
    })?;
    Ok(Json(SubscribeStep::of(steps, None)).into_response())
}

fn token_permit(permit: Option<Permit>, permit2: Option<Permit2>) -> Result<Option<TokenPermit>, Problem> {
    let seconds = |field: &str, number: U256| u64::try_from(number).map_err(|_| Problem::field(field, "is too large"));
    match (permit, permit2) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Problem::field("permit2", "goes without permit")),
        (Some(permit), None) => Ok(Some(TokenPermit::Eip2612(signed(permit)?))),
        (None, Some(permit)) => Ok(Some(TokenPermit::Permit2(Permit2Signature {
            amount: permit.amount,
            expiration: seconds("permit2.expiration", permit.expiration)?,
            nonce: seconds("permit2.nonce", permit.nonce)?,
            sig_deadline: seconds("permit2.sig_deadline", permit.sig_deadline)?,
            signature: permit.signature,
        }))),
    }
}

fn authorization(pays: Pays, permit: Option<TokenPermit>) -> Result<Authorization, Problem> {
    match (pays, permit) {
        (Pays::Approval, None) => Ok(Authorization::Approval),
        (Pays::Native, None) => Ok(Authorization::Native),
        (Pays::Permit, None) => Ok(Authorization::Permit(None)),
        (Pays::Permit, Some(TokenPermit::Eip2612(permit))) => Ok(Authorization::Permit(Some(permit))),
        (Pays::Permit2, None) => Ok(Authorization::Permit2(None)),
        (Pays::Permit2, Some(TokenPermit::Permit2(permit))) => Ok(Authorization::Permit2(Some(permit))),
        (_, Some(TokenPermit::Eip2612(_))) => {
            Err(Problem::field("permit", "goes with the authorizations permit and mandate only"))
        }
        (_, Some(TokenPermit::Permit2(_))) => {
            Err(Problem::field("permit2", "goes with the authorizations permit2 and mandate only"))
        }
        (Pays::Mandate, None) => Err(Problem::internal()),
    }
}

/// Fields of the token's permit under their names in Permit2's.
fn of_permit2(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        let name = match error.field.as_str() {
            "permit.value" => "permit2.amount",
            "permit.deadline" => "permit2.sig_deadline",
            "permit.signature" => "permit2.signature",
            _ => continue,
        };
        name.clone_into(&mut error.field);
    }
    problem
}

/// The permit as the wallet signed it.
pub(super) fn signed(permit: Permit) -> Result<PermitSignature, Problem> {
    let Permit { value, deadline, signature } = permit;
    let deadline = deadline.try_into().map_err(|_| Problem::field("permit.deadline", "is too large"))?;
    Ok(PermitSignature { value, deadline, signature })
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
            SubscribeError::NotActive(_) => conflict("not-active", "The subscription is not active", &error),
            SubscribeError::NotPaused(_) => conflict("not-paused", "The subscription is not paused", &error),
            SubscribeError::MandateRequired => conflict("mandate-required", "It takes a mandate", &error),
            SubscribeError::InsufficientDeposit { .. } => {
                conflict("insufficient-deposit", "The deposit holds less", &error)
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
