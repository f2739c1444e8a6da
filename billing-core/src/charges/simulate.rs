//! What the contract would answer now (`docs/decisions/0004`).

use alloy::{
    eips::BlockId,
    primitives::{Address, Bytes},
    providers::Provider,
    rpc::types::{
        TransactionRequest,
        simulate::{SimBlock, SimCallResult, SimulateError, SimulatePayload},
    },
    sol_types::{SolCall, SolError},
    transports::TransportError,
};
use billing_bindings::SubscriptionManager::{ChargeFailed, InsufficientGas, chargeBatchCall};

use super::{ChargeError, Reason, batch::Batch};
use crate::chain::{Rpc, revert};

/// What one batch would do.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// One outcome per member, `None` for charged; the gas used before refunds.
    Outcomes { outcomes: Vec<Option<Reason>>, gas: u64 },
    /// The whole batch would revert, by its token: the contract skips members that cannot pay.
    Refused(Reason),
    /// Nothing is known of its members; says why.
    Unclear(String),
    /// The node does not simulate as many batches at once.
    NotAsked,
}

/// Answers to all batches, and whether each was asked by itself.
pub(super) struct Answers {
    pub(super) list: Vec<Answer>,
    pub(super) apart: bool,
}

/// JSON-RPC's "method not found", EIP-1474's "method not supported", and what some providers say instead.
const NO_SUCH_METHOD: [i64; 3] = [-32_601, -32_004, -32_600];
/// `eth_simulateV1`: more blocks or gas than the node simulates at once; EIP-1474's "limit exceeded".
const TOO_MUCH: [i64; 3] = [-38_026, -38_015, -32_005];
/// Nodes simulate 256 blocks at once; a batch has a block to itself unless there are more batches.
const MAX_BLOCKS: usize = 200;

/// Simulates the batches on the latest block, one after the other on the state that the one before left.
///
/// # Errors
/// A node's; an answer that this version does not understand.
pub(super) async fn simulate(rpc: &Rpc, from: Address, batches: &[Batch]) -> Result<Answers, ChargeError> {
    let mut count = batches.len();
    while count > 0 {
        let error = match in_one_call(rpc, from, &batches[..count]).await {
            Ok(mut list) => {
                list.resize(batches.len(), Answer::NotAsked);
                return Ok(Answers { list, apart: false });
            }
            Err(Failure::Answer(error)) => return Err(error),
            Err(Failure::Node(error)) => error,
        };
        match error.as_error_resp().map(|response| response.code) {
            Some(code) if NO_SUCH_METHOD.contains(&code) => {
                return Ok(Answers { list: each_by_itself(rpc, from, batches).await?, apart: true });
            }
            Some(code) if TOO_MUCH.contains(&code) && count > 1 => count /= 2,
            _ => return Err(rpc.error(&error).into()),
        }
    }
    Ok(Answers { list: Vec::new(), apart: false })
}

enum Failure {
    Node(TransportError),
    Answer(ChargeError),
}

async fn in_one_call(rpc: &Rpc, from: Address, batches: &[Batch]) -> Result<Vec<Answer>, Failure> {
    let per_block = batches.len().div_ceil(MAX_BLOCKS);
    let block =
        |batches: &[Batch]| SimBlock::default().extend_calls(batches.iter().map(|batch| request(rpc, from, batch)));
    let payload = SimulatePayload {
        block_state_calls: batches.chunks(per_block).map(block).collect(),
        trace_transfers: false,
        validation: false,
        return_full_transactions: false,
    };
    let blocks = rpc.provider.simulate(&payload).block_id(BlockId::latest()).await.map_err(Failure::Node)?;
    let calls: Vec<SimCallResult> = blocks.into_iter().flat_map(|block| block.calls).collect();
    if calls.len() != batches.len() {
        let what = format!("{} simulated calls for {} batches", calls.len(), batches.len());
        return Err(Failure::Answer(wrong(rpc, what)));
    }
    batches.iter().zip(calls).map(|(batch, call)| answer(rpc, batch, &call).map_err(Failure::Answer)).collect()
}

fn request(rpc: &Rpc, from: Address, batch: &Batch) -> TransactionRequest {
    let call = batch.call(rpc.network.subscription_manager);
    TransactionRequest::default().from(from).to(call.to).input(call.data.into()).gas_limit(rpc.network.max_gas_per_tx)
}

fn answer(rpc: &Rpc, batch: &Batch, call: &SimCallResult) -> Result<Answer, ChargeError> {
    if call.status {
        // Refunds are at most a fifth of what was used, and the gas must be there before they come.
        let gas = call.max_used_gas.unwrap_or(call.gas_used + call.gas_used / 4).max(call.gas_used);
        return outcomes(rpc, batch, &call.return_data, gas);
    }
    match &call.error {
        Some(error) if error.code == SimulateError::VM_EXECUTION_ERROR_CODE => {
            Ok(Answer::Unclear(format!("the simulation stopped: {}", error.message)))
        }
        error => {
            let data = error.as_ref().and_then(|error| error.data.as_ref()).unwrap_or(&call.return_data);
            Ok(refusal(data))
        }
    }
}

fn outcomes(rpc: &Rpc, batch: &Batch, answer: &Bytes, gas: u64) -> Result<Answer, ChargeError> {
    let bytes = chargeBatchCall::abi_decode_returns(answer).map_err(|error| wrong(rpc, error.to_string()))?;
    if bytes.len() != batch.members.len() {
        return Err(wrong(rpc, format!("{} outcomes for {} members", bytes.len(), batch.members.len())));
    }
    let outcome = |number: &u8| match number {
        0 => Ok(None),
        number => Reason::from_number(*number).map(Some).ok_or_else(|| wrong(rpc, format!("reason {number}"))),
    };
    Ok(Answer::Outcomes { outcomes: bytes.iter().map(outcome).collect::<Result<_, _>>()?, gas })
}

/// What a revert of a whole batch says of its members.
fn refusal(data: &[u8]) -> Answer {
    if InsufficientGas::abi_decode(data).is_ok() {
        return Answer::Unclear("max_gas_per_tx is too low for it".to_owned());
    }
    if let Ok(failed) = ChargeFailed::abi_decode(data) {
        return Answer::Refused(Reason::from_number(failed.reason).unwrap_or(Reason::TransferFailed));
    }
    if let Some(error) = revert::explain(data) {
        tracing::debug!("a batch would revert: {error}");
    }
    Answer::Refused(Reason::TransferFailed)
}

async fn each_by_itself(rpc: &Rpc, from: Address, batches: &[Batch]) -> Result<Vec<Answer>, ChargeError> {
    let mut list = Vec::with_capacity(batches.len());
    for batch in batches {
        let request = request(rpc, from, batch);
        let called = rpc.provider.call(request.clone()).await;
        list.push(match called {
            Ok(bytes) => {
                let gas = rpc.provider.estimate_gas(request).await.map_err(|error| rpc.error(&error))?;
                outcomes(rpc, batch, &bytes, gas)?
            }
            Err(error) => match error.as_error_resp() {
                Some(response) => match response.as_revert_data() {
                    Some(data) => refusal(&data),
                    None if response.code == i64::from(SimulateError::EXECUTION_REVERTED_CODE) => refusal(&[]),
                    None => Answer::Unclear(rpc.error(&error).to_string()),
                },
                None => return Err(rpc.error(&error).into()),
            },
        });
    }
    Ok(list)
}

fn wrong(rpc: &Rpc, what: String) -> ChargeError {
    ChargeError::Contract { network: rpc.network.name.clone(), what }
}
