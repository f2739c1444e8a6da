//! Calls of `PlanManager`, for whoever may make them.

use alloy::{
    primitives::{B256, U256},
    sol_types::SolCall,
};
use billing_bindings::{
    IPlanManager,
    PlanManager::{
        self, activatePlanCall, closePlanCall, createPlanCall, deactivatePlanCall, setPlanFrozenCall, updatePlanUriCall,
    },
};

use super::{PlanStatus, SignedPlan};
use crate::chain::{CallRequest, ChainError, Network, Rpc};

fn call(network: &Network, data: Vec<u8>, purpose: &str, plan_hash: B256) -> CallRequest {
    CallRequest {
        to: network.plan_manager,
        data: data.into(),
        value: U256::ZERO,
        purpose: format!("{purpose}:{plan_hash}"),
    }
}

/// Creates a signed plan; anybody may.
#[must_use]
pub fn create_call(network: &Network, plan: &SignedPlan) -> CallRequest {
    let data =
        createPlanCall { plan: plan.terms.to_contract(), signature: plan.signature.clone(), uri: plan.uri.clone() };
    call(network, data.abi_encode(), "create_plan", plan.plan_hash)
}

/// Freezes a plan or lets it go on; the operator may.
#[must_use]
pub fn freeze_call(network: &Network, plan_hash: B256, frozen: bool) -> CallRequest {
    let data = setPlanFrozenCall { planHash: plan_hash, frozen }.abi_encode();
    call(network, data, if frozen { "freeze_plan" } else { "unfreeze_plan" }, plan_hash)
}

/// Sets the merchant's status; the merchant may.
#[must_use]
pub fn status_call(network: &Network, plan_hash: B256, status: PlanStatus) -> CallRequest {
    let (data, purpose) = match status {
        PlanStatus::Active => (activatePlanCall { planHash: plan_hash }.abi_encode(), "activate_plan"),
        PlanStatus::Closed => (closePlanCall { planHash: plan_hash }.abi_encode(), "close_plan"),
        PlanStatus::Inactive => (deactivatePlanCall { planHash: plan_hash }.abi_encode(), "deactivate_plan"),
    };
    call(network, data, purpose, plan_hash)
}

/// Points to another description; the merchant may.
#[must_use]
pub fn uri_call(network: &Network, plan_hash: B256, uri: &str) -> CallRequest {
    let data = updatePlanUriCall { planHash: plan_hash, uri: uri.to_owned() }.abi_encode();
    call(network, data, "update_plan_uri", plan_hash)
}

/// What the chain keeps of a plan; `None` when it was never created there.
///
/// # Errors
/// A node's.
pub async fn terms_on_chain(rpc: &Rpc, plan_hash: B256) -> Result<Option<IPlanManager::PlanTerms>, ChainError> {
    let manager = PlanManager::new(rpc.network.plan_manager, rpc.provider.clone());
    let terms = manager.termsOf(plan_hash).call().await.map_err(|e| rpc.error(&e))?;
    Ok((terms.status != 0).then_some(terms))
}

/// Whether the plan was created on this network.
///
/// # Errors
/// A node's.
pub async fn exists_on_chain(rpc: &Rpc, plan_hash: B256) -> Result<bool, ChainError> {
    Ok(terms_on_chain(rpc, plan_hash).await?.is_some())
}
