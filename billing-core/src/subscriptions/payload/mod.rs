//! What a wallet signs and sends for its subscriptions.

pub(crate) mod allowance;
pub(crate) mod native;
pub(crate) mod permit2;
mod verbs;

use alloy::primitives::{Address, B256, U256};
use billing_bindings::{
    IPlanManager::PlanTerms,
    ISubscriptionTypes::Subscription,
    SubscriptionManager::{self, SubscriptionManagerInstance},
};
use time::OffsetDateTime;

pub use verbs::{pause, resume, switch, unsubscribe, withdraw_native};

use super::SubscribeError;
use crate::{
    chain::{
        CallRequest, ChainError, PermitSignature, Rpc, TxnPayload, permit::PermitToken, permit2::Permit2Signature,
    },
    plans,
};

/// How a wallet lets the charges through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// By an `approve` transaction, where the allowance is not there yet.
    Approval,
    /// By a deposit of native coin.
    Native,
    /// By an EIP-2612 permit; `None` asks for what to sign.
    Permit(Option<PermitSignature>),
    /// Through Permit2; `None` asks for what to sign, or uses the allowance that is there.
    Permit2(Option<Permit2Signature>),
}

/// Who wants to subscribe to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeRequest {
    /// The plan.
    pub plan_hash: B256,
    /// The wallet.
    pub subscriber: Address,
    /// How it pays.
    pub authorization: Authorization,
    /// Periods to approve or to deposit for, 1 to 120.
    pub periods: u32,
}

/// What comes next for the wallet.
#[derive(Clone, Debug, PartialEq)]
pub enum SubscribeSteps {
    /// Send the approval where there is one, sign this (`eth_signTypedData_v4`) and ask again with the signature.
    Sign {
        /// A permit of the token or of Permit2.
        typed_data: serde_json::Value,
        /// Lets Permit2 take the token, where it may not yet.
        approval: Option<Box<TxnPayload>>,
    },
    /// Send these, in this order.
    Send {
        /// Approval of the token, where it is short.
        approval: Option<Box<TxnPayload>>,
        /// The subscription.
        subscribe: Box<TxnPayload>,
    },
}

/// Seconds for which a permit may be used.
pub(crate) const PERMIT_SECS: u64 = 3_600;
/// Bound for a subscription whose approval is not mined, so that it cannot be estimated: three times what it takes.
pub(crate) const GAS_BEFORE_APPROVAL: u64 = 500_000;
/// Periods of one approval or deposit at most.
pub const MAX_PERIODS: u32 = 120;

/// Prepares a subscription.
///
/// # Errors
/// Every reason for which the transaction would fail, as far as it can be known now.
pub async fn subscribe(
    rpc: &Rpc,
    request: &SubscribeRequest,
    now: OffsetDateTime,
) -> Result<SubscribeSteps, SubscribeError> {
    if !(1..=MAX_PERIODS).contains(&request.periods) {
        return Err(SubscribeError::Periods);
    }
    let terms = open_plan(rpc, request.plan_hash).await?;
    let now = now.unix_timestamp().unsigned_abs();
    if is_running(&subscription(rpc, request.plan_hash, request.subscriber).await?, now) {
        return Err(SubscribeError::AlreadySubscribed(request.subscriber));
    }
    match (&request.authorization, terms.token.is_zero()) {
        (Authorization::Native, true) => native::send(rpc, request, &terms, now).await,
        (_, true) => Err(SubscribeError::WrongAuthorization("from a deposit of native coin")),
        (Authorization::Native, false) => Err(SubscribeError::WrongAuthorization("by approval or permit of its token")),
        (Authorization::Approval, false) => allowance::approval(rpc, request, &terms, now).await,
        (Authorization::Permit(None), false) => allowance::permit_to_sign(rpc, request, &terms, now).await,
        (Authorization::Permit(Some(signed)), false) => allowance::with_permit(rpc, request, &terms, signed, now).await,
        (Authorization::Permit2(None), false) => permit2::to_sign(rpc, request, &terms, now).await,
        (Authorization::Permit2(Some(signed)), false) => permit2::with_permit(rpc, request, &terms, signed, now).await,
    }
}

/// Terms of a plan that takes subscribers now.
///
/// # Errors
/// `PlanNotFound`, `PlanNotOpen`; a node's.
pub(crate) async fn open_plan(rpc: &Rpc, plan_hash: B256) -> Result<PlanTerms, SubscribeError> {
    let terms = plans::terms_on_chain(rpc, plan_hash).await?;
    let terms = terms.ok_or(SubscribeError::PlanNotFound(plan_hash))?;
    let active = plans::PlanStatus::from_number(terms.status) == Some(plans::PlanStatus::Active);
    if !active || terms.frozen {
        return Err(SubscribeError::PlanNotOpen(plan_hash));
    }
    Ok(terms)
}

/// The contract's word on a subscription.
///
/// # Errors
/// A node's.
pub(crate) async fn subscription(rpc: &Rpc, plan_hash: B256, subscriber: Address) -> Result<Subscription, ChainError> {
    manager(rpc).subscriptionOf(plan_hash, subscriber).call().await.map_err(|e| rpc.error(&e))
}

/// Active or paused, and not past the subscriber's own limits: it cannot be made again.
pub(crate) fn is_running(found: &Subscription, now: u64) -> bool {
    let timed_out = !found.endsAt.is_zero() && now >= found.endsAt.to::<u64>();
    let used_up = found.chargeLimit != 0 && found.chargeCount >= u32::from(found.chargeLimit);
    matches!(found.status, 1 | 2) && !timed_out && !used_up
}

pub(crate) fn manager(rpc: &Rpc) -> SubscriptionManagerInstance<&alloy::providers::DynProvider> {
    SubscriptionManager::new(rpc.network.subscription_manager, &rpc.provider)
}

/// A plan with a trial takes nothing now, but a wallet without money would end it at the first charge.
async fn require_balance(rpc: &Rpc, request: &SubscribeRequest, terms: &PlanTerms) -> Result<(), SubscribeError> {
    let token = PermitToken::new(terms.token, rpc.provider.clone());
    let available = token.balanceOf(request.subscriber).call().await.map_err(|e| rpc.error(&e))?;
    if available < price(terms) && terms.trial == 0 {
        return Err(SubscribeError::InsufficientBalance { required: price(terms), available });
    }
    Ok(())
}

fn price(terms: &PlanTerms) -> U256 {
    terms.price.to()
}

/// A call of the manager.
pub(crate) fn manager_call(rpc: &Rpc, data: Vec<u8>, value: U256, purpose: &str) -> CallRequest {
    call(rpc.network.subscription_manager, data, value, purpose)
}

pub(crate) fn call(to: Address, data: Vec<u8>, value: U256, purpose: &str) -> CallRequest {
    CallRequest { to, data: data.into(), value, purpose: purpose.to_owned() }
}

/// The subscription after its approval: estimated where there is nothing to wait for.
async fn send(
    rpc: &Rpc,
    request: &SubscribeRequest,
    approval: Option<TxnPayload>,
    subscribe: CallRequest,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    let subscribe = match &approval {
        None => TxnPayload::estimated(rpc, request.subscriber, subscribe, now).await?,
        Some(_) => TxnPayload::with_gas(rpc, subscribe, GAS_BEFORE_APPROVAL, now),
    };
    Ok(SubscribeSteps::Send { approval: approval.map(Box::new), subscribe: Box::new(subscribe) })
}
