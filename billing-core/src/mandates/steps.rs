//! What a wallet does with a mandate: signs it for us, or sends it itself.

use alloy::primitives::{Bytes, U256};
use billing_bindings::{IPlanManager::PlanTerms, ISubscriptionTypes::Mandate};

use super::{
    Authorization, MandateError, Message, TokenPermit,
    authorize::{self, Sender},
};
use crate::{
    chain::{Rpc, TxnPayload},
    subscriptions::{
        SubscribeSteps,
        payload::{GAS_BEFORE_APPROVAL, manager_call},
    },
};

/// What is missing for a mandate that we send; `now` in unix seconds.
///
/// # Errors
/// A node's.
pub async fn to_sign(
    rpc: &Rpc,
    terms: &PlanTerms,
    mandate: &Mandate,
    periods: u32,
    now: u64,
) -> Result<Authorization, MandateError> {
    authorize::missing(rpc, terms, mandate, periods, Sender::Relayer, now).await
}

/// Steps for a wallet that sends its mandate itself, which needs no signature over it; `now` in unix seconds.
///
/// # Errors
/// `Subscribe` for a permit that is not theirs; a node's, with the contract's reason where it would refuse.
pub async fn self_sent(
    rpc: &Rpc,
    terms: &PlanTerms,
    mandate: Mandate,
    permit: Option<&TokenPermit>,
    periods: u32,
    now: u64,
) -> Result<SubscribeSteps, MandateError> {
    let missing = authorize::missing(rpc, terms, &mandate, periods, Sender::Wallet, now).await?;
    let permit = match (permit, missing.permit) {
        (Some(permit), _) => permit.encode(rpc, &mandate).await?,
        (None, None) => Bytes::new(),
        (None, Some(typed_data)) => return Ok(SubscribeSteps::Sign { typed_data, approval: missing.approval }),
    };
    let (subscriber, deadline) = (mandate.subscriber, mandate.deadline);
    let data = Message::Mandate(mandate).call_data(Bytes::new(), permit);
    let call = manager_call(rpc, data.into(), U256::ZERO, "subscribe");
    let mut subscribe = match &missing.approval {
        None => TxnPayload::estimated(rpc, subscriber, call, now).await?,
        Some(_) => TxnPayload::with_gas(rpc, call, GAS_BEFORE_APPROVAL, now),
    };
    subscribe.deadline = subscribe.deadline.min(deadline.saturating_to());
    Ok(SubscribeSteps::Send { approval: missing.approval, subscribe: Box::new(subscribe) })
}
