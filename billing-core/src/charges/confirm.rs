//! What the mirror tells about charges, in its own SQL transaction.

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::confirm_repo;
use crate::{
    ids::{ChainId, SubscriptionKey},
    money::TokenAmount,
};

/// A charge seen on the canonical chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedCharge {
    /// Whose.
    pub key: SubscriptionKey,
    /// End of the paid time before it.
    pub due_at: OffsetDateTime,
    /// First instant paid.
    pub period_start: OffsetDateTime,
    /// First instant not paid any more.
    pub period_end: OffsetDateTime,
    /// What the subscriber paid, smallest unit.
    pub gross: TokenAmount,
    /// Of that, the platform's.
    pub fee: TokenAmount,
    /// Zero for the native coin.
    pub token: Address,
    /// Who got the rest.
    pub merchant: Address,
    /// The transaction.
    pub tx_hash: B256,
    /// Its block.
    pub block_number: i64,
    /// Its block's hash.
    pub block_hash: B256,
    /// The event's place in the block.
    pub log_index: i64,
    /// Time of the block.
    pub block_time: OffsetDateTime,
}

/// Settles and confirms a charge, also one that nobody here attempted: the first one at subscription, or one that a
/// stranger made after the public delay. Told again, it changes nothing.
///
/// # Errors
/// The database's.
pub async fn confirm(conn: &mut PgConnection, charge: &ConfirmedCharge) -> sqlx::Result<()> {
    confirm_repo::confirm(conn, charge).await?;
    confirm_repo::cancel_before(conn, &charge.key, charge.due_at).await
}

/// Takes back what was confirmed above `block`: attempts of ours are due again, rows that only the chain made are gone.
///
/// # Errors
/// The database's.
pub async fn unconfirm_above(conn: &mut PgConnection, chain_id: ChainId, block: i64) -> sqlx::Result<()> {
    confirm_repo::delete_above(conn, chain_id, block).await?;
    confirm_repo::reopen_above(conn, chain_id, block).await
}

/// Takes back what a receipt settled in a block up to `up_to`, all of which the mirror has applied without seeing the
/// charge: that block was orphaned before the mirror came to it.
///
/// # Errors
/// The database's.
pub async fn reopen_orphaned(conn: &mut PgConnection, chain_id: ChainId, up_to: i64) -> sqlx::Result<()> {
    confirm_repo::reopen_unconfirmed(conn, chain_id, up_to).await
}
