//! The authorization `mandate` of a subscription: terms of the wallet's own, sent by it or by us.

use alloy::primitives::{Address, B256, Bytes, U256};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use billing_core::{
    chain::Rpc,
    mandates::{self, Mandate, MandateRequest, Message, RelayRequest, TokenPermit},
    money::TokenAmount,
    subscriptions::{Rail, payload::MAX_PERIODS},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{
    relays::{self, relayer},
    subscribe::SubscribeStep,
    time_of::now_on,
};
use crate::{problem::Problem, request::Requester, state::AppState};

/// Terms that the wallet sets apart from the plan's; what is left open is filled in.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MandateTerms {
    /// What is paid in; the plan's token when absent, zero for the native coin.
    #[schema(value_type = Option<String>)]
    payment_token: Option<Address>,
    /// Highest amount of one period, smallest unit, decimal. When absent: the price; in another token a tenth above it.
    #[schema(value_type = Option<String>)]
    max_amount: Option<TokenAmount>,
    /// Charges after which it ends; none when absent.
    max_charges: Option<u32>,
    /// Instant from which nothing is charged, whole seconds; none when absent.
    #[serde(default, with = "time::serde::rfc3339::option")]
    ends_at: Option<OffsetDateTime>,
    /// Approval that the charges use.
    #[serde(default)]
    rail: RailName,
    /// Plan of the running subscription that this one switches from.
    #[schema(value_type = Option<String>)]
    replaces: Option<B256>,
    /// Of the message; a free one when absent.
    #[schema(value_type = Option<String>)]
    nonce: Option<U256>,
    /// Last unix second at which the mandate may be used; an hour from now when absent.
    deadline: Option<u64>,
    /// The wallet's over the typed data, in the second request of a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    signature: Option<Bytes>,
}

/// By which approval the token is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RailName {
    /// The token's own allowance.
    #[default]
    Allowance,
    /// Permit2's.
    Permit2,
}

impl From<RailName> for Rail {
    fn from(name: RailName) -> Self {
        match name {
            RailName::Allowance => Self::Allowance,
            RailName::Permit2 => Self::Permit2,
        }
    }
}

/// What the routes of `subscribe` hand over.
pub(super) struct MandateSubscription {
    pub(super) plan_hash: B256,
    pub(super) subscriber: Address,
    pub(super) periods: u32,
    pub(super) terms: MandateTerms,
    pub(super) permit: Option<TokenPermit>,
    pub(super) relay: bool,
}

pub(super) async fn subscribe(
    state: &AppState,
    rpc: &Rpc,
    requester: Requester,
    request: MandateSubscription,
) -> Result<Response, Problem> {
    if !(1..=MAX_PERIODS).contains(&request.periods) {
        return Err(Problem::field("periods", format!("must be from 1 to {MAX_PERIODS}")));
    }
    let MandateSubscription { terms, permit, periods, .. } = &request;
    let wish = wish(&request);
    match (&terms.signature, request.relay) {
        (Some(_), false) => Err(Problem::field(
            "mandate.signature",
            "goes with relay only: a wallet that sends its mandate need not sign it",
        )),
        (Some(signature), true) => {
            let (message, signature) = (Message::Mandate(wish.as_signed()?), signature.clone());
            let relay = RelayRequest { message, signature, permit: permit.clone(), requested_by: requester.0 };
            Ok(relays::send(state, rpc, relay, "mandate").await?.into_response())
        }
        (None, true) => to_sign(state, rpc, &wish, *periods).await,
        (None, false) => {
            let now = now_on(rpc).await?;
            let (mandate, plan) = mandates::mandate(&state.pool, rpc, &wish, now).await?;
            let filled = filled(&mandate);
            let seconds = now.unix_timestamp().unsigned_abs();
            let steps = mandates::self_sent(rpc, &plan, mandate, permit.as_ref(), *periods, seconds).await?;
            Ok(Json(SubscribeStep::of(steps, Some(filled))).into_response())
        }
    }
}

async fn to_sign(state: &AppState, rpc: &Rpc, wish: &MandateRequest, periods: u32) -> Result<Response, Problem> {
    relayer(state)?;
    let now = now_on(rpc).await?;
    let (mandate, plan) = mandates::mandate(&state.pool, rpc, wish, now).await?;
    let missing = mandates::to_sign(rpc, &plan, &mandate, periods, now.unix_timestamp().unsigned_abs()).await?;
    let filled = filled(&mandate);
    let step = SubscribeStep::SignatureRequired {
        typed_data: Message::Mandate(mandate).typed_data(&rpc.network),
        permit_typed_data: missing.permit,
        approval: missing.approval.map(|approval| (*approval).into()),
        mandate: Some(Box::new(filled)),
    };
    Ok(Json(step).into_response())
}

fn wish(request: &MandateSubscription) -> MandateRequest {
    let terms = &request.terms;
    MandateRequest {
        plan_hash: request.plan_hash,
        subscriber: request.subscriber,
        replaces: terms.replaces,
        payment_token: terms.payment_token,
        rail: terms.rail.into(),
        max_amount: terms.max_amount.map(|amount| amount.0),
        max_charges: terms.max_charges.unwrap_or_default(),
        ends_at: terms.ends_at.map_or(0, |at| at.unix_timestamp().max(1).unsigned_abs()),
        nonce: terms.nonce,
        deadline: terms.deadline,
    }
}

/// The terms with all that was left open.
fn filled(mandate: &Mandate) -> MandateTerms {
    MandateTerms {
        payment_token: Some(mandate.paymentToken),
        max_amount: Some(TokenAmount(mandate.maxAmount.to())),
        max_charges: Some(mandate.maxCharges.to()),
        ends_at: (!mandate.endsAt.is_zero())
            .then(|| OffsetDateTime::from_unix_timestamp(mandate.endsAt.to()).ok())
            .flatten(),
        rail: if mandate.rail == Rail::Permit2.number() { RailName::Permit2 } else { RailName::Allowance },
        replaces: (!mandate.replaces.is_zero()).then_some(mandate.replaces),
        nonce: Some(mandate.nonce),
        deadline: Some(mandate.deadline.saturating_to()),
        signature: None,
    }
}
