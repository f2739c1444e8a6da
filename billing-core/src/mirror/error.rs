use alloy::primitives::{Address, B256};

use crate::ids::ChainId;

/// Why the mirror did not move. Whatever it is, nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// What a node answered does not belong to one chain; asked again, it usually does.
    #[error("the node's answers do not fit together: {0}")]
    Inconsistent(String),
    /// A contract's event numbers skip: logs are missing from what the node answered, now or before.
    #[error(
        "chain {chain_id}: {address} numbered its next event {found}, expected {expected}: the node left out logs at or \
         before block {block}; check the node and start_block"
    )]
    Gap {
        /// The chain.
        chain_id: ChainId,
        /// The contract.
        address: Address,
        /// Number that had to come.
        expected: i64,
        /// Number that came.
        found: i64,
        /// Block in which it came.
        block: i64,
    },
    /// A log of ours that this binary cannot read: the contract is another version than the bindings.
    #[error(
        "log {log_index} of block {block} from {address} cannot be decoded ({reason}); the contract and this version differ"
    )]
    Undecodable {
        /// The contract.
        address: Address,
        /// Its block.
        block: i64,
        /// Its place.
        log_index: i64,
        /// What is wrong.
        reason: String,
    },
    /// The fork is not among the stored headers.
    #[error(
        "chain {chain_id}: the chain forks below block {oldest}, the oldest header kept; a reorganisation this deep is \
         not undone by itself: check the node, or fill another database"
    )]
    BeyondWindow {
        /// The chain.
        chain_id: ChainId,
        /// Lowest stored header.
        oldest: i64,
    },
    /// The cursor's block is not the one the comparison was made for.
    #[error("block {number} {hash} is not known to the node; let the indexer catch up first")]
    UnknownBlock {
        /// Its number.
        number: i64,
        /// Its hash.
        hash: B256,
    },
    /// Nothing was mirrored yet.
    #[error("chain {0} has no cursor; run billing-indexer --once first")]
    NotStarted(ChainId),
    /// A node's.
    #[error(transparent)]
    Chain(#[from] crate::chain::ChainError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}
