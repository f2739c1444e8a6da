use alloy::{eips::BlockNumberOrTag, providers::Provider};
use billing_core::chain::{ChainError, Rpc};
use time::OffsetDateTime;

/// What deadlines are counted from: the later of our clock and the chain's, whose last block may be old.
pub(super) async fn now_on(rpc: &Rpc) -> Result<OffsetDateTime, ChainError> {
    let block = rpc.provider.get_block_by_number(BlockNumberOrTag::Latest).await.map_err(|e| rpc.error(&e))?;
    let timestamp = block.map(|block| block.header.timestamp.cast_signed()).unwrap_or_default();
    let chain = OffsetDateTime::from_unix_timestamp(timestamp).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Ok(chain.max(OffsetDateTime::now_utc()))
}
