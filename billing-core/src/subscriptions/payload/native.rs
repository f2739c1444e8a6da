//! A plan in native coin: the deposit goes along with the subscription.

use alloy::{
    primitives::{Address, U256},
    providers::Provider,
    sol_types::SolCall,
};
use billing_bindings::{IPlanManager::PlanTerms, SubscriptionManager::subscribeCall};

use super::{SubscribeError, SubscribeRequest, SubscribeSteps, manager, manager_call, price};
use crate::chain::Rpc;

pub(super) async fn send(
    rpc: &Rpc,
    request: &SubscribeRequest,
    terms: &PlanTerms,
    now: u64,
) -> Result<SubscribeSteps, SubscribeError> {
    let value = missing(rpc, request.subscriber, price(terms) * U256::from(request.periods)).await?;
    let data = subscribeCall { planHash: request.plan_hash }.abi_encode();
    super::send(rpc, request, None, manager_call(rpc, data, value, "subscribe"), now).await
}

/// Wei that the account's deposit lacks, and its wallet holds.
///
/// # Errors
/// `InsufficientBalance`; a node's.
pub(crate) async fn missing(rpc: &Rpc, account: Address, wanted: U256) -> Result<U256, SubscribeError> {
    let deposit = manager(rpc).nativeDepositOf(account).call().await.map_err(|e| rpc.error(&e))?;
    let value = wanted.saturating_sub(deposit);
    let available = rpc.provider.get_balance(account).await.map_err(|e| rpc.error(&e))?;
    if available < value {
        return Err(SubscribeError::InsufficientBalance { required: value, available });
    }
    Ok(value)
}
