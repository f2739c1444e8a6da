//! Transactions, which keep their hash wherever they are mined.

use alloy::primitives::{B256, keccak256};

use super::intent::Intent;

#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) hash: B256,
    pub(super) intent: Intent,
}

impl Transaction {
    /// The transaction of that number among all that were ever sent on the chain.
    pub(super) fn new(chain_id: u64, number: u64, intent: Intent) -> Self {
        let named = [chain_id.to_be_bytes(), number.to_be_bytes()].concat();
        Self { hash: keccak256(named), intent }
    }
}

/// A transaction to be mined: one that is there, or whatever somebody sends by then.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Known(Transaction),
    New,
}
