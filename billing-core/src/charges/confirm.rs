//! What the mirror tells about charges.

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    ids::{ChainId, SubscriptionKey},
    money::TokenAmount,
};

/// A charge seen on the canonical chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct ConfirmedCharge {
    pub key: SubscriptionKey,
    pub due_at: OffsetDateTime,
    pub period_start: OffsetDateTime,
    pub period_end: OffsetDateTime,
    pub gross: TokenAmount,
    pub fee: TokenAmount,
    pub token: Address,
    pub merchant: Address,
    pub tx_hash: B256,
    pub block_number: i64,
    pub block_hash: B256,
    pub log_index: i64,
    pub block_time: OffsetDateTime,
}

/// # Errors
/// The database's.
pub async fn confirm(_conn: &mut PgConnection, _charge: &ConfirmedCharge) -> sqlx::Result<()> {
    Ok(())
}

/// # Errors
/// The database's.
pub async fn unconfirm_above(_conn: &mut PgConnection, _chain_id: ChainId, _block: i64) -> sqlx::Result<()> {
    Ok(())
}

/// # Errors
/// The database's.
pub async fn reopen_orphaned(_conn: &mut PgConnection, _chain_id: ChainId, _up_to: i64) -> sqlx::Result<()> {
    Ok(())
}
