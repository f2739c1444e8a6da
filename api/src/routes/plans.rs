//! What the routes that change plans share.

use alloy::primitives::{Address, Bytes, U256};
use billing_core::{
    chain::{self, CallRequest, ChainError, Rpc},
    ids::ChainId,
    plans::PlanError,
    subscriptions::TxnPayload,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    problem::{FieldError, Problem},
    state::AppState,
};

/// Seconds for which a payload is worth sending; its gas and its sense may change after that.
const PAYLOAD_SECS: u64 = 900;

/// A call for the caller's wallet to send.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Payload {
    #[schema(value_type = String)]
    to: Address,
    #[schema(value_type = String)]
    data: Bytes,
    /// Wei, decimal.
    value: String,
    gas: u64,
    chain_id: u64,
    /// Unix second after which it should be asked for again.
    deadline: u64,
}

impl From<TxnPayload> for Payload {
    fn from(payload: TxnPayload) -> Self {
        let TxnPayload { to, data, value, gas, chain_id, deadline } = payload;
        Self { to, data, value: value.to_string(), gas, chain_id: chain_id.as_u64(), deadline }
    }
}

/// The payload of a call as `sender` will make it.
pub(super) async fn payload(rpc: &Rpc, sender: Address, call: CallRequest) -> Result<Payload, ChainError> {
    let gas = chain::tx::estimate_gas(rpc, sender, &call).await?;
    let now = super::time_of::now_on(rpc).await?.unix_timestamp().unsigned_abs();
    Ok(Payload {
        to: call.to,
        data: call.data,
        value: U256::to_string(&call.value),
        gas,
        chain_id: rpc.network.chain_id.as_u64(),
        deadline: now + PAYLOAD_SECS,
    })
}

/// A call that is not worth sending now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusedCall {
    chain_id: u64,
    problem: String,
}

impl RefusedCall {
    pub(super) fn new(rpc: &Rpc, error: &ChainError) -> Self {
        Self { chain_id: rpc.network.chain_id.as_u64(), problem: error.to_string() }
    }
}

/// What became of one chain's part of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Transaction {
    pub(super) chain_id: u64,
    /// The operator's transaction, where there is one.
    #[schema(value_type = Option<String>)]
    pub(super) tx_hash: Option<alloy::primitives::B256>,
    pub(super) status: TransactionStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TransactionStatus {
    /// Sent now.
    Submitted,
    /// An earlier one for the same is still open.
    Pending,
    /// The chain is as asked; nothing was sent.
    Exists,
    /// The plan lists this chain, this service does not serve it.
    NotConfigured,
    /// Nothing was sent; repeat the request.
    Failed,
}

impl Transaction {
    pub(super) fn new(chain_id: ChainId, status: TransactionStatus) -> Self {
        Self { chain_id: chain_id.as_u64(), tx_hash: None, status, problem: None }
    }

    pub(super) fn failed(rpc: &Rpc, error: &ChainError) -> Self {
        tracing::warn!(network = %rpc.network.name, %error, "the operator's transaction was not sent");
        let problem = match error {
            ChainError::Db(_) | ChainError::Key(_) => "the log says why".to_owned(),
            error => error.to_string(),
        };
        Self { problem: Some(problem), ..Self::new(rpc.network.chain_id, TransactionStatus::Failed) }
    }
}

/// The connection to a chain that a request names.
pub(super) fn chain_of(state: &AppState, chain_id: u64) -> Result<&Rpc, Problem> {
    ChainId::try_from(chain_id)
        .ok()
        .and_then(|chain_id| state.chain(chain_id))
        .ok_or_else(|| Problem::field("chain_id", "is not a chain of this service"))
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::NotFound(_) => Self::no_plan(),
            PlanError::Signature(detail) => Self::field("signature", detail),
            PlanError::Chain(error) => error.into(),
            PlanError::Db(error) => error.into(),
            PlanError::Invalid(invalid) => Self::invalid(
                invalid
                    .into_iter()
                    .map(|invalid| FieldError { field: invalid.field.to_owned(), problem: invalid.problem })
                    .collect(),
            ),
        }
    }
}
