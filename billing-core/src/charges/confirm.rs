//! What the mirror tells about charges, in its own SQL transaction.

use std::collections::HashMap;

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{confirm_repo, fallback};
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
/// What the fiat rail took, or is about to take, for the same time is given back: nobody pays twice.
///
/// # Errors
/// The database's.
pub async fn confirm(conn: &mut PgConnection, chain_id: ChainId, charges: &[ConfirmedCharge]) -> sqlx::Result<()> {
    if charges.is_empty() || !confirm_repo::any_unconfirmed(conn, chain_id).await? {
        return Ok(());
    }
    let attempts = confirm_repo::lock_attempts(conn, chain_id, charges).await?;
    let (mut paid, mut overtaken) = (HashMap::new(), Vec::new());
    for attempt in &attempts {
        match charges.iter().position(|charge| charge.collects(attempt)) {
            // The fiat rail paid for an earlier time than this charge.
            Some(place) if attempt.fiat_until.is_some_and(|until| until <= charges[place].period_start) => {}
            // Of several, the latest is the one: the others' time is over.
            Some(place) => overtaken.extend(paid.insert(place, attempt)),
            None => overtaken.push(attempt),
        }
    }
    let paid: Vec<_> = paid.into_iter().map(|(place, attempt)| (attempt, &charges[place])).collect();
    let on_fiat = paid.iter().map(|(attempt, _)| *attempt).chain(overtaken.iter().copied());
    fallback::undo(conn, &on_fiat.filter(|attempt| attempt.on_fiat).map(|attempt| attempt.id).collect::<Vec<_>>())
        .await?;
    confirm_repo::settle(conn, &paid.iter().map(|(attempt, charge)| (attempt.id, *charge)).collect::<Vec<_>>()).await?;
    confirm_repo::cancel(conn, &overtaken.iter().map(|attempt| attempt.id).collect::<Vec<_>>()).await
}

impl ConfirmedCharge {
    /// Whether an attempt is at what this charge collected: it became due with it, or later where the fiat rail had paid meanwhile.
    fn collects(&self, attempt: &confirm_repo::Attempt) -> bool {
        self.key == attempt.key && (self.due_at..=self.due_at.max(self.period_start)).contains(&attempt.due_at)
    }
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
