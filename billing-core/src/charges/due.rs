//! What is due, and whose it is.

use alloy::primitives::{Address, B256, Bytes};
use alloy::{eips::BlockId, providers::Provider};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{ChargeError, RunOptions, dunning::Rails, repo};
use crate::{
    chain::Rpc,
    ids::{ChainId, ChargeAttemptId},
    money::TokenAmount,
};

/// A subscription whose paid time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) plan_hash: B256,
    pub(super) subscriber: Address,
    /// End of the paid time.
    pub(super) due_at: OffsetDateTime,
    /// The plan's price.
    pub(super) amount: TokenAmount,
    /// Zero for the native coin.
    pub(super) token: Address,
    /// Failed attempts so far that count.
    pub(super) attempts: u32,
    /// What else it can be charged on.
    pub(super) rails: Rails,
}

/// A due subscription that this process may charge until its lease runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) id: ChargeAttemptId,
    pub(super) due: Due,
}

/// What is due at `now` (chain time), oldest first. Writes nothing.
///
/// # Errors
/// The database's.
pub(super) async fn list(pool: &PgPool, chain_id: ChainId, now: OffsetDateTime, limit: i64) -> sqlx::Result<Vec<Due>> {
    repo::due(pool, chain_id, now, limit).await
}

/// Leases what is due at `now` (chain time), oldest first. Rows that another process has locked or leased are left to it.
///
/// # Errors
/// The database's.
pub(super) async fn claim(
    pool: &PgPool,
    chain_id: ChainId,
    now: OffsetDateTime,
    options: &RunOptions,
) -> sqlx::Result<Vec<Claimed>> {
    let mut db_tx = pool.begin().await?;
    let due = repo::lock_due(&mut db_tx, chain_id, now, options.limit).await?;
    let claimed = repo::lease(&mut db_tx, chain_id, now, due, options).await?;
    db_tx.commit().await?;
    Ok(claimed)
}

/// Time of the latest block: what is due is decided by the chain's clock.
///
/// # Errors
/// A node's.
pub(super) async fn chain_time(rpc: &Rpc) -> Result<OffsetDateTime, ChargeError> {
    let block = rpc.provider.get_block(BlockId::latest()).await.map_err(|e| rpc.error(&e))?;
    let secs = block.map(|block| block.header.timestamp);
    let time = secs.and_then(|secs| OffsetDateTime::from_unix_timestamp(i64::try_from(secs).ok()?).ok());
    time.ok_or_else(|| rpc.error(&format!("no latest block, or one without a sensible time ({secs:?})")).into())
}

/// Bytes of a database column as an address.
pub(super) fn address(bytes: &[u8]) -> sqlx::Result<Address> {
    Address::try_from(bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Bytes of a database column as a hash.
pub(super) fn hash(bytes: &[u8]) -> sqlx::Result<B256> {
    B256::try_from(bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A list of hashes or addresses as the driver takes it.
pub(super) fn column<T: AsRef<[u8]>>(values: impl Iterator<Item = T>) -> Vec<Vec<u8>> {
    values.map(|value| Bytes::copy_from_slice(value.as_ref()).to_vec()).collect()
}
