//! What the contract would answer now (`docs/decisions/0004`).

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, Bytes},
    providers::Provider,
    rpc::types::{
        TransactionRequest,
        simulate::{SimBlock, SimulatePayload},
    },
    sol_types::SolCall,
};
use billing_bindings::SubscriptionManager::chargeBatchCall;

use super::{ChargeError, Reason, due::Due};
use crate::chain::{CallRequest, Rpc};

/// Members of one plan that go into one transaction.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) plan_hash: B256,
    pub(super) members: Vec<Due>,
}

/// What one batch would do.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    /// One per member; `None` for charged.
    pub(super) outcomes: Vec<Option<Reason>>,
    /// Gas of the whole transaction, before refunds.
    pub(super) gas: u64,
}

/// Forecasts of all batches, and whether they were asked each by itself.
pub(super) struct Forecasts {
    pub(super) list: Vec<Forecast>,
    pub(super) apart: bool,
}

/// Groups by plan, in the order of the first due member, at most `size` together.
pub(super) fn batches(due: Vec<Due>, size: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for member in due {
        let open = batches.iter_mut().find(|batch| batch.plan_hash == member.plan_hash && batch.members.len() < size);
        match open {
            Some(batch) => batch.members.push(member),
            None => batches.push(Batch { plan_hash: member.plan_hash, members: vec![member] }),
        }
    }
    batches
}

impl Batch {
    /// The call that charges them.
    pub(super) fn call(&self, manager: Address) -> CallRequest {
        let packed: Vec<u8> = self.members.iter().flat_map(|member| member.subscriber.0.0).collect();
        let call = chargeBatchCall { planHash: self.plan_hash, subscribers: packed.into() };
        CallRequest {
            to: manager,
            data: call.abi_encode().into(),
            value: alloy::primitives::U256::ZERO,
            purpose: format!("charge_batch:{}", self.plan_hash),
        }
    }

    fn request(&self, rpc: &Rpc, from: Address) -> TransactionRequest {
        let call = self.call(rpc.network.subscription_manager);
        TransactionRequest::default()
            .from(from)
            .to(call.to)
            .input(call.data.into())
            .gas_limit(rpc.network.max_gas_per_tx)
    }

    fn forecast(&self, rpc: &Rpc, success: bool, answer: &Bytes, gas: u64) -> Result<Forecast, ChargeError> {
        if !success {
            // The contract skips members that cannot pay, so a whole batch fails by its token only.
            return Ok(Forecast { outcomes: vec![Some(Reason::TransferFailed); self.members.len()], gas });
        }
        let wrong = |what: String| ChargeError::Contract { network: rpc.network.name.clone(), what };
        let bytes = chargeBatchCall::abi_decode_returns(answer).map_err(|error| wrong(error.to_string()))?;
        if bytes.len() != self.members.len() {
            return Err(wrong(format!("{} outcomes for {} members", bytes.len(), self.members.len())));
        }
        let outcome = |number: &u8| match number {
            0 => Ok(None),
            number => Reason::from_number(*number).map(Some).ok_or_else(|| wrong(format!("reason {number}"))),
        };
        Ok(Forecast { outcomes: bytes.iter().map(outcome).collect::<Result<_, _>>()?, gas })
    }
}

/// Simulates all batches on the latest block, one after the other on the state that the one before left.
///
/// # Errors
/// A node's; an answer that this version does not understand.
pub(super) async fn simulate(rpc: &Rpc, from: Address, batches: &[Batch]) -> Result<Forecasts, ChargeError> {
    if batches.is_empty() {
        return Ok(Forecasts { list: Vec::new(), apart: false });
    }
    let blocks = batches.iter().map(|batch| SimBlock::default().call(batch.request(rpc, from))).collect();
    let payload = SimulatePayload {
        block_state_calls: blocks,
        trace_transfers: false,
        validation: false,
        return_full_transactions: false,
    };
    match rpc.provider.simulate(&payload).block_id(BlockId::latest()).await {
        Ok(simulated) => {
            let results = simulated.into_iter().filter_map(|block| block.calls.into_iter().next());
            let list = batches
                .iter()
                .zip(results)
                .map(|(batch, call)| {
                    let gas = call.max_used_gas.unwrap_or(call.gas_used).max(call.gas_used);
                    batch.forecast(rpc, call.status, &call.return_data, gas)
                })
                .collect::<Result<Vec<_>, _>>()?;
            if list.len() == batches.len() {
                return Ok(Forecasts { list, apart: false });
            }
            let what = format!("{} simulated calls for {} batches", list.len(), batches.len());
            Err(ChargeError::Contract { network: rpc.network.name.clone(), what })
        }
        Err(error) if error.as_error_resp().is_some_and(|response| response.code == METHOD_NOT_FOUND) => {
            Ok(Forecasts { list: each_by_itself(rpc, from, batches).await?, apart: true })
        }
        Err(error) => Err(rpc.error(&error).into()),
    }
}

/// JSON-RPC 2.0, section 5.1.
const METHOD_NOT_FOUND: i64 = -32_601;

async fn each_by_itself(rpc: &Rpc, from: Address, batches: &[Batch]) -> Result<Vec<Forecast>, ChargeError> {
    let mut list = Vec::with_capacity(batches.len());
    for batch in batches {
        let answer = rpc.provider.call(batch.request(rpc, from)).await;
        let forecast = match answer {
            Ok(bytes) => batch.forecast(rpc, true, &bytes, rpc.network.max_gas_per_tx),
            Err(error) if error.as_error_resp().is_some() => batch.forecast(rpc, false, &Bytes::new(), 0),
            Err(error) => Err(rpc.error(&error).into()),
        };
        list.push(forecast?);
    }
    Ok(list)
}
