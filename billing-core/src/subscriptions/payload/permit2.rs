//! Permit2: the token is allowed to Permit2 once, and Permit2's own allowance to the manager is signed.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};
use billing_bindings::{
    IAllowanceTransfer::PermitSingle, IPlanManager::PlanTerms, SubscriptionManager::subscribeWithPermit2Call,
};

use super::{
    PERMIT_SECS, SubscribeError, SubscribeRequest, SubscribeSteps,
    allowance::{allowance, approve},
    manager_call, price, require_balance,
};
use crate::chain::{
    ChainError, PermitError, Rpc, TxnPayload,
    permit2::{self, PERMIT2, Permit2Signature},
};

pub(super) async fn to_sign(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    require_balance(rpc, request, terms).await?;
    let manager = rpc.network.subscription_manager;
    let there = permit2::allowance(rpc, request.subscriber, terms.token, manager).await?;
    let amount = price(terms) * U256::from(request.periods);
    let approval = token_approval(rpc, terms.token, request.subscriber, amount, now).await?;
    let expiration = expiration(terms, request.periods, now);
    let single = permit2::single(terms.token, manager, amount, expiration, there.nonce, now + PERMIT_SECS);
    let single = single.ok_or(SubscribeError::Periods)?;
    if there.amount >= price(terms) && there.expiration > now + u64::from(terms.trial) {
        return subscribe(rpc, request, approval, single, Bytes::new(), now).await;
    }
    let typed_data = permit2::typed_data(rpc.network.chain_id, &single);
    Ok(SubscribeSteps::Sign { typed_data, approval: approval.map(Box::new) })
}

pub(super) async fn with_permit(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    signed: &Permit2Signature,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    if signed.sig_deadline <= now || signed.expiration <= now {
        return Err(SubscribeError::PermitExpired);
    }
    if signed.amount < price(terms) {
        return Err(SubscribeError::PermitValue(price(terms)));
    }
    require_balance(rpc, request, terms).await?;
    let single = single_of(rpc, terms.token, signed)?;
    let signature = permit2::verified(rpc, request.subscriber, &single, &signed.signature).await?;
    let approval = token_approval(rpc, terms.token, request.subscriber, signed.amount, now).await?;
    let mut steps = subscribe(rpc, request, approval, single, signature, now).await?;
    if let SubscribeSteps::Send { subscribe, .. } = &mut steps {
        subscribe.deadline = subscribe.deadline.min(signed.sig_deadline);
    }
    Ok(steps)
}

/// What a wallet says it signed, for the manager.
///
/// # Errors
/// `Signer` for numbers that nobody can have signed.
pub(crate) fn single_of(rpc: &Rpc, token: Address, signed: &Permit2Signature) -> Result<PermitSingle, PermitError> {
    let manager = rpc.network.subscription_manager;
    permit2::single(token, manager, signed.amount, signed.expiration, signed.nonce, signed.sig_deadline)
        .ok_or(PermitError::Unsupported("its numbers do not fit Permit2's fields"))
}

/// The wallet's approval of the token for Permit2, where less than `amount` is allowed.
///
/// It is without limit: all that a wallet does through Permit2 shares it, and Permit2 takes nothing that was not signed
/// for one spender, amount and time.
///
/// # Errors
/// A node's.
pub(crate) async fn token_approval(
    rpc: &Rpc,
    token: Address,
    owner: Address,
    amount: U256,
    now: u64,
) -> Result<Option<TxnPayload>, ChainError> {
    if allowance(rpc, token, owner, PERMIT2).await? >= amount {
        return Ok(None);
    }
    approve(rpc, token, owner, PERMIT2, U256::MAX, now).await.map(Some)
}

/// Unix second until which so many periods can be charged, with a period for late ones.
pub(crate) fn expiration(terms: &PlanTerms, periods: u32, now: u64) -> u64 {
    now + u64::from(terms.trial) + u64::from(terms.period) * (u64::from(periods) + 1)
}

async fn subscribe(
    rpc: &Rpc,
    request: &SubscribeRequest,
    approval: Option<TxnPayload>,
    permit: PermitSingle,
    signature: Bytes,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    let data = subscribeWithPermit2Call { planHash: request.plan_hash, permit, signature }.abi_encode();
    super::send(rpc, request, approval, manager_call(rpc, data, U256::ZERO, "subscribe"), now).await
}
