//! What a wallet signs and sends to subscribe or to cancel.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use billing_bindings::{
    IPlanManager::PlanTerms,
    SubscriptionManager::{self, cancelCall, subscribeCall, subscribeWithPermitCall},
};
use time::OffsetDateTime;

use super::SubscribeError;
use crate::{
    chain::{
        CallRequest, ChainError, PermitSignature, Rpc, TxnPayload,
        permit::{self, Permit, PermitToken},
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
    /// Sign this (`eth_signTypedData_v4`) and ask again with the signature.
    SignPermit {
        /// EIP-2612 permit.
        typed_data: serde_json::Value,
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
const PERMIT_SECS: u64 = 3_600;
/// Bound for a subscription whose approval is not mined, so that it cannot be estimated: three times what it takes.
const GAS_BEFORE_APPROVAL: u64 = 500_000;
/// Periods of one approval or deposit at most.
const MAX_PERIODS: u32 = 120;

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
    let terms = open_plan(rpc, request).await?;
    let now = now.unix_timestamp().unsigned_abs();
    match (&request.authorization, terms.token.is_zero()) {
        (Authorization::Native, true) => native(rpc, request, &terms, now).await,
        (_, true) => Err(SubscribeError::WrongAuthorization("from a deposit of native coin")),
        (Authorization::Native, false) => Err(SubscribeError::WrongAuthorization("by approval or permit of its token")),
        (Authorization::Approval, false) => approval(rpc, request, &terms, now).await,
        (Authorization::Permit(None), false) => permit_to_sign(rpc, request, &terms, now).await,
        (Authorization::Permit(Some(signed)), false) => with_permit(rpc, request, &terms, signed, now).await,
    }
}

/// Prepares the end of a subscription.
///
/// # Errors
/// `NotSubscribed`; a node's.
pub async fn unsubscribe(
    rpc: &Rpc,
    plan_hash: B256,
    subscriber: Address,
    now: OffsetDateTime,
) -> Result<TxnPayload, SubscribeError> {
    if !is_running(rpc, plan_hash, subscriber).await? {
        return Err(SubscribeError::NotSubscribed(subscriber));
    }
    let data = cancelCall { planHash: plan_hash }.abi_encode();
    let now = now.unix_timestamp().unsigned_abs();
    let call = call(rpc.network.subscription_manager, data, U256::ZERO, "cancel");
    Ok(TxnPayload::estimated(rpc, subscriber, call, now).await?)
}

async fn open_plan(rpc: &Rpc, request: &SubscribeRequest) -> Result<PlanTerms, SubscribeError> {
    let terms = plans::terms_on_chain(rpc, request.plan_hash).await?;
    let terms = terms.ok_or(SubscribeError::PlanNotFound(request.plan_hash))?;
    let active = plans::PlanStatus::from_number(terms.status) == Some(plans::PlanStatus::Active);
    if !active || terms.frozen {
        return Err(SubscribeError::PlanNotOpen(request.plan_hash));
    }
    if is_running(rpc, request.plan_hash, request.subscriber).await? {
        return Err(SubscribeError::AlreadySubscribed(request.subscriber));
    }
    Ok(terms)
}

/// Active or paused: it can be cancelled and cannot be made again.
async fn is_running(rpc: &Rpc, plan_hash: B256, subscriber: Address) -> Result<bool, ChainError> {
    let manager = SubscriptionManager::new(rpc.network.subscription_manager, rpc.provider.clone());
    let found = manager.subscriptionOf(plan_hash, subscriber).call().await.map_err(|e| rpc.error(&e))?;
    Ok(matches!(found.status, 1 | 2))
}

async fn native(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    let manager = SubscriptionManager::new(rpc.network.subscription_manager, rpc.provider.clone());
    let deposit = manager.nativeDepositOf(request.subscriber).call().await.map_err(|e| rpc.error(&e))?;
    let value = (price(terms) * U256::from(request.periods)).saturating_sub(deposit);
    let balance = alloy::providers::Provider::get_balance(&rpc.provider, request.subscriber);
    let available = balance.await.map_err(|e| rpc.error(&e))?;
    if available < value {
        return Err(SubscribeError::InsufficientBalance { required: value, available });
    }
    let data = subscribeCall { planHash: request.plan_hash }.abi_encode();
    send(rpc, request, None, call(rpc.network.subscription_manager, data, value, "subscribe"), now).await
}

async fn approval(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    require_balance(rpc, request, terms).await?;
    let manager = rpc.network.subscription_manager;
    let token = PermitToken::new(terms.token, rpc.provider.clone());
    let allowance = token.allowance(request.subscriber, manager).call().await.map_err(|e| rpc.error(&e))?;
    let subscribe = call(manager, subscribeCall { planHash: request.plan_hash }.abi_encode(), U256::ZERO, "subscribe");
    if allowance >= price(terms) {
        return send(rpc, request, None, subscribe, now).await;
    }
    let amount = price(terms) * U256::from(request.periods);
    let data = PermitToken::approveCall { spender: manager, amount }.abi_encode();
    let approval =
        TxnPayload::estimated(rpc, request.subscriber, call(terms.token, data, U256::ZERO, "approve"), now).await?;
    let subscribe = TxnPayload::with_gas(rpc, subscribe, GAS_BEFORE_APPROVAL, now);
    Ok(SubscribeSteps::Send { approval: Some(Box::new(approval)), subscribe: Box::new(subscribe) })
}

async fn permit_to_sign(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    require_balance(rpc, request, terms).await?;
    let domain = permit::domain(rpc, terms.token).await?;
    let value = price(terms) * U256::from(request.periods);
    let permit = permit_of(rpc, request, terms, value, now + PERMIT_SECS).await?;
    Ok(SubscribeSteps::SignPermit { typed_data: permit::typed_data(&domain, &permit) })
}

async fn with_permit(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    signed: &PermitSignature,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    if signed.deadline <= now {
        return Err(SubscribeError::PermitExpired);
    }
    if signed.value < price(terms) {
        return Err(SubscribeError::PermitValue(price(terms)));
    }
    require_balance(rpc, request, terms).await?;
    let domain = permit::domain(rpc, terms.token).await?;
    let permit = permit_of(rpc, request, terms, signed.value, signed.deadline).await?;
    let (v, r, s) = permit::parts(&domain, &permit, &signed.signature)?;
    let data = subscribeWithPermitCall {
        planHash: request.plan_hash,
        value: signed.value,
        deadline: permit.deadline,
        v,
        r,
        s,
    };
    let call = call(rpc.network.subscription_manager, data.abi_encode(), U256::ZERO, "subscribe");
    let mut subscribe = TxnPayload::estimated(rpc, request.subscriber, call, now).await?;
    subscribe.deadline = subscribe.deadline.min(signed.deadline);
    Ok(SubscribeSteps::Send { approval: None, subscribe: Box::new(subscribe) })
}

async fn permit_of(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    value: U256,
    deadline: u64,
) -> Result<Permit, SubscribeError> {
    Ok(Permit {
        owner: request.subscriber,
        spender: rpc.network.subscription_manager,
        value,
        nonce: permit::nonce(rpc, terms.token, request.subscriber).await?,
        deadline: U256::from(deadline),
    })
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

fn call(to: Address, data: Vec<u8>, value: U256, purpose: &str) -> CallRequest {
    CallRequest { to, data: data.into(), value, purpose: purpose.to_owned() }
}

async fn send(
    rpc: &Rpc,
    request: &SubscribeRequest,
    approval: Option<Box<TxnPayload>>,
    subscribe: CallRequest,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    let subscribe = Box::new(TxnPayload::estimated(rpc, request.subscriber, subscribe, now).await?);
    Ok(SubscribeSteps::Send { approval, subscribe })
}
