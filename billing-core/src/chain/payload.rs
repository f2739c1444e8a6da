use alloy::primitives::{Address, Bytes, U256};

use super::{CallRequest, ChainError, Rpc, tx};
use crate::ids::ChainId;

/// A transaction for the wallet to send as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnPayload {
    /// Contract.
    pub to: Address,
    /// Call.
    pub data: Bytes,
    /// Wei to send along.
    pub value: U256,
    /// Gas limit.
    pub gas: u64,
    /// Chain.
    pub chain_id: ChainId,
    /// Unix second after which it should not be sent any more: prices of gas and states have moved on.
    pub deadline: u64,
}

/// Seconds for which a payload may be sent.
const PAYLOAD_SECS: u64 = 900;

impl TxnPayload {
    /// A call with the node's estimate of its gas; `now` in unix seconds.
    ///
    /// # Errors
    /// A node's, which holds the revert's reason when the call would fail.
    pub async fn estimated(rpc: &Rpc, from: Address, call: CallRequest, now: u64) -> Result<Self, ChainError> {
        let gas = tx::estimate_gas(rpc, from, &call).await?;
        Ok(Self::with_gas(rpc, call, gas, now))
    }

    /// A call that cannot be estimated yet, with a bound of its gas; `now` in unix seconds.
    #[must_use]
    pub fn with_gas(rpc: &Rpc, call: CallRequest, gas: u64, now: u64) -> Self {
        let CallRequest { to, data, value, .. } = call;
        Self { to, data, value, gas, chain_id: rpc.network.chain_id, deadline: now + PAYLOAD_SECS }
    }
}
