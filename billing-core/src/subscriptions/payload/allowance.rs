//! The token's own allowance: by a transaction, or by an EIP-2612 permit.

use alloy::{
    primitives::{Address, U256},
    sol_types::SolCall,
};
use billing_bindings::{
    IPlanManager::PlanTerms,
    SubscriptionManager::{subscribeCall, subscribeWithPermitCall},
};

use super::{
    PERMIT_SECS, SubscribeError, SubscribeRequest, SubscribeSteps, call, manager_call, price, require_balance,
};
use crate::chain::{
    ChainError, PermitSignature, Rpc, TxnPayload,
    permit::{self, Permit, PermitToken},
};

pub(super) async fn approval(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    require_balance(rpc, request, terms).await?;
    let manager = rpc.network.subscription_manager;
    let subscribe = subscribeCall { planHash: request.plan_hash }.abi_encode();
    let subscribe = manager_call(rpc, subscribe, U256::ZERO, "subscribe");
    let allowed = allowance(rpc, terms.token, request.subscriber, manager).await?;
    let approval = if allowed >= price(terms) {
        None
    } else {
        let amount = price(terms) * U256::from(request.periods);
        Some(approve(rpc, terms.token, request.subscriber, manager, amount, now).await?)
    };
    super::send(rpc, request, approval, subscribe, now).await
}

/// What `spender` may take of the owner's tokens.
///
/// # Errors
/// A node's, and what a token without `allowance` answers.
pub(crate) async fn allowance(rpc: &Rpc, token: Address, owner: Address, spender: Address) -> Result<U256, ChainError> {
    let token = PermitToken::new(token, &rpc.provider);
    token.allowance(owner, spender).call().await.map_err(|e| rpc.error(&e))
}

/// The owner's `approve`.
///
/// # Errors
/// A node's, which holds the token's reason where it refuses.
pub(crate) async fn approve(
    rpc: &Rpc,
    token: Address,
    owner: Address,
    spender: Address,
    amount: U256,
    now: u64,
) -> Result<TxnPayload, ChainError> {
    let data = PermitToken::approveCall { spender, amount }.abi_encode();
    TxnPayload::estimated(rpc, owner, call(token, data, U256::ZERO, "approve"), now).await
}

pub(super) async fn permit_to_sign(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    require_balance(rpc, request, terms).await?;
    let domain = permit::domain(rpc, terms.token).await?;
    let value = price(terms) * U256::from(request.periods);
    let permit = permit_of(rpc, request, terms, value, now + PERMIT_SECS).await?;
    Ok(SubscribeSteps::Sign { typed_data: permit::typed_data(&domain, &permit), approval: None })
}

pub(super) async fn with_permit(
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
    let call = manager_call(rpc, data.abi_encode(), U256::ZERO, "subscribe");
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
