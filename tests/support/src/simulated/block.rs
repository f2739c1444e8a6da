//! One block, complete when it is made.

use std::sync::{Arc, OnceLock};

use alloy::primitives::{Address, B256, Bloom, LogData, keccak256};

use super::{
    contract::{Contract, STRANGER},
    state::{Call, State},
    transaction::Transaction,
};

/// A log at its place.
#[derive(Clone, Debug)]
pub(super) struct BlockLog {
    pub(super) address: Address,
    pub(super) data: LogData,
    pub(super) tx_hash: B256,
    pub(super) tx_index: u64,
    pub(super) index: u64,
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) hash: B256,
    pub(super) parent: B256,
    pub(super) time: u64,
    bloom: OnceLock<Bloom>,
    salt: u64,
    /// Of our contracts.
    pub(super) logs: Vec<BlockLog>,
    /// Those that reverted too.
    pub(super) transactions: Vec<Transaction>,
    /// Of the contracts, after the block.
    pub(super) state: Arc<State>,
}

/// What tells a block from another one in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal {
    pub(super) time: u64,
    pub(super) salt: u64,
}

impl Block {
    pub(super) fn genesis(chain_id: u64, time: u64) -> Self {
        Self {
            number: 0,
            hash: keccak256(chain_id.to_be_bytes()),
            parent: B256::ZERO,
            time,
            bloom: OnceLock::new(),
            salt: 1,
            logs: Vec::new(),
            transactions: Vec::new(),
            state: Arc::default(),
        }
    }

    /// Runs the transactions on top of `parent`.
    pub(super) fn after(parent: &Self, seal: Seal, transactions: Vec<Transaction>) -> Self {
        let number = parent.number + 1;
        let named = [parent.hash.as_slice(), &number.to_be_bytes(), &seal.salt.to_be_bytes()].concat();
        let mut state = Arc::clone(&parent.state);
        // Others log before us, and in some blocks only they do.
        let mut index = seal.salt % 3;
        let mut logs = Vec::new();
        for (tx_index, transaction) in (0..).zip(&transactions) {
            let emitted = Call::run(Arc::make_mut(&mut state), seal.time, &transaction.intent);
            for (contract, data) in emitted {
                logs.push(BlockLog { address: contract.address(), data, tx_hash: transaction.hash, tx_index, index });
                index += 1;
            }
        }
        let (hash, bloom) = (keccak256(named), OnceLock::new());
        let Seal { time, salt } = seal;
        Self { number, hash, parent: parent.hash, time, bloom, salt, logs, transactions, state }
    }

    /// Of the logs, of those of a stranger, and now and then of nothing that is there: a bloom may always say yes.
    pub(super) fn bloom(&self) -> &Bloom {
        self.bloom.get_or_init(|| {
            let mut bloom = Bloom::ZERO;
            if self.salt.is_multiple_of(3) {
                bloom.accrue_raw_log(STRANGER, &[]);
            }
            if self.salt.is_multiple_of(31) {
                bloom.accrue_raw_log(Contract::SubscriptionManager.address(), &[]);
            }
            for log in &self.logs {
                bloom.accrue_raw_log(log.address, log.data.topics());
            }
            bloom
        })
    }
}
