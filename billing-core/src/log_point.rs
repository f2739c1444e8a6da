//! Where on a chain something was logged.

use alloy::primitives::B256;
use time::OffsetDateTime;

use crate::ids::ChainId;

/// The place of one log. Order on a chain is `(block_number, log_index)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPoint {
    /// Chain of the log.
    pub chain_id: ChainId,
    /// Block that holds it.
    pub block_number: i64,
    /// That block's hash.
    pub block_hash: B256,
    /// That block's timestamp.
    pub block_time: OffsetDateTime,
    /// Transaction that emitted it.
    pub tx_hash: B256,
    /// Position among the logs of the block.
    pub log_index: i64,
}
