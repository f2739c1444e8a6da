use alloy::primitives::{Address, Bytes, U256};

/// A call that somebody's key is to make: what domains hand out instead of sending it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRequest {
    /// Contract to call.
    pub to: Address,
    /// ABI-encoded call.
    pub data: Bytes,
    /// Native coin to send along, in wei.
    pub value: U256,
    /// Why, for people who read `chain_tx`.
    pub purpose: String,
}
