//! What the mirror tells about charges, in its own SQL transaction.

use std::collections::HashMap;

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
    /// The transaction.
    pub tx_hash: B256,
    /// Its block.
    pub block_number: i64,
    /// Its block's hash.
    pub block_hash: B256,
    /// The event's place in the block.
    pub log_index: i64,
}

/// Settles and confirms our attempts at the charges of a stretch, in whatever state they are; one whose time is before that
/// of a charge is no longer asked for. A charge that nobody here attempted leaves no row: its log tells it. Told again,
/// nothing changes.
///
/// The caller has written the states of the charged subscriptions in this transaction. A claim holds those rows while it
/// adds attempts, so each attempt there can be is seen from here on, and no further one comes for the time just paid.
///
/// # Errors
/// The database's.
pub async fn confirm(conn: &mut PgConnection, chain_id: ChainId, charges: &[ConfirmedCharge]) -> sqlx::Result<()> {
    if charges.is_empty() || !confirm_repo::any_unconfirmed(conn, chain_id).await? {
        return Ok(());
    }
    let by_key: HashMap<_, _> = charges.iter().map(|charge| ((charge.key, charge.due_at), charge)).collect();
    let (mut paid, mut overtaken) = (Vec::new(), Vec::new());
    for attempt in confirm_repo::lock_attempts(conn, chain_id, charges).await? {
        match by_key.get(&(attempt.key, attempt.due_at)) {
            Some(charge) => paid.push((attempt.id, *charge)),
            None => overtaken.push(attempt.id),
        }
    }
    confirm_repo::settle(conn, &paid).await?;
    confirm_repo::cancel(conn, &overtaken).await
}

/// Takes back what was confirmed above `block`: attempts of ours are due again.
///
/// # Errors
/// The database's.
pub async fn unconfirm_above(conn: &mut PgConnection, chain_id: ChainId, block: i64) -> sqlx::Result<()> {
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
