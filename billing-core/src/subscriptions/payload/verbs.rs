//! What a wallet sends for a subscription that it has.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use billing_bindings::SubscriptionManager::{cancelCall, pauseCall, resumeCall, switchPlanCall, withdrawNativeCall};
use time::OffsetDateTime;

use super::{SubscribeError, is_running, manager, manager_call, open_plan, subscription};
use crate::chain::{Rpc, TxnPayload};

const ACTIVE: u8 = 1;
const PAUSED: u8 = 2;

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
    if !matches!(subscription(rpc, plan_hash, subscriber).await?.status, ACTIVE | PAUSED) {
        return Err(SubscribeError::NotSubscribed(subscriber));
    }
    estimated(rpc, subscriber, cancelCall { planHash: plan_hash }.abi_encode(), "cancel", now).await
}

/// Prepares a pause.
///
/// # Errors
/// `NotActive`; a node's.
pub async fn pause(
    rpc: &Rpc,
    plan_hash: B256,
    subscriber: Address,
    now: OffsetDateTime,
) -> Result<TxnPayload, SubscribeError> {
    if subscription(rpc, plan_hash, subscriber).await?.status != ACTIVE {
        return Err(SubscribeError::NotActive(subscriber));
    }
    estimated(rpc, subscriber, pauseCall { planHash: plan_hash }.abi_encode(), "pause", now).await
}

/// Prepares the end of a pause.
///
/// # Errors
/// `NotPaused`; a node's.
pub async fn resume(
    rpc: &Rpc,
    plan_hash: B256,
    subscriber: Address,
    now: OffsetDateTime,
) -> Result<TxnPayload, SubscribeError> {
    if subscription(rpc, plan_hash, subscriber).await?.status != PAUSED {
        return Err(SubscribeError::NotPaused(subscriber));
    }
    estimated(rpc, subscriber, resumeCall { planHash: plan_hash }.abi_encode(), "resume", now).await
}

/// Prepares the move of an active subscription to another plan of the same merchant and token.
///
/// # Errors
/// `PlanNotFound`, `PlanNotOpen`, `AlreadySubscribed` about `to_plan`; `NotActive`, `MandateRequired` about `from_plan`; a
/// node's, with the contract's reason where the plans differ.
pub async fn switch(
    rpc: &Rpc,
    from_plan: B256,
    to_plan: B256,
    subscriber: Address,
    now: OffsetDateTime,
) -> Result<TxnPayload, SubscribeError> {
    let time = now.unix_timestamp().unsigned_abs();
    open_plan(rpc, to_plan).await?;
    let from = subscription(rpc, from_plan, subscriber).await?;
    if from.status != ACTIVE || !is_running(&from, time) {
        return Err(SubscribeError::NotActive(subscriber));
    }
    if from.bounded {
        return Err(SubscribeError::MandateRequired);
    }
    if is_running(&subscription(rpc, to_plan, subscriber).await?, time) {
        return Err(SubscribeError::AlreadySubscribed(subscriber));
    }
    let data = switchPlanCall { fromPlan: from_plan, toPlan: to_plan }.abi_encode();
    estimated(rpc, subscriber, data, "switch", now).await
}

/// Prepares a withdrawal of native coin, in wei, from the account's deposit; all of it where no amount is named.
///
/// # Errors
/// `InsufficientDeposit`; a node's.
pub async fn withdraw_native(
    rpc: &Rpc,
    account: Address,
    amount: Option<U256>,
    receiver: Address,
    now: OffsetDateTime,
) -> Result<TxnPayload, SubscribeError> {
    let available = manager(rpc).nativeDepositOf(account).call().await.map_err(|e| rpc.error(&e))?;
    let amount = amount.unwrap_or(available);
    if amount.is_zero() || amount > available {
        return Err(SubscribeError::InsufficientDeposit { required: amount, available });
    }
    estimated(rpc, account, withdrawNativeCall { amount, receiver }.abi_encode(), "withdraw", now).await
}

async fn estimated(
    rpc: &Rpc,
    from: Address,
    data: Vec<u8>,
    purpose: &str,
    now: OffsetDateTime,
) -> Result<TxnPayload, SubscribeError> {
    let call = manager_call(rpc, data, U256::ZERO, purpose);
    Ok(TxnPayload::estimated(rpc, from, call, now.unix_timestamp().unsigned_abs()).await?)
}
