//! The ledger: what everybody has, as transfers between accounts that are never changed.
//!
//! Invariants, each a test: in every asset all that is taken is put somewhere; a limited account is never overdrawn, holds
//! counted; a hold ends once; a refused transfer changes nothing; the same id is answered the same. The shape is
//! TigerBeetle's (<https://docs.tigerbeetle.com/reference/transfer/>), the database ours.

mod account;
mod amount;
mod chart;
mod error;
mod fold;
#[cfg(test)]
mod fold_tests;
pub mod grants;
mod net;
mod plain;
mod post;
mod proof;
mod reads;
mod repo;
mod row;
mod transfer;
mod writer;
mod written;

use std::collections::BTreeSet;

use sqlx::{PgConnection, PgPool};

use crate::ids::{AccountId, TransferId};

pub use account::{Limited, NewAccount, Totals};
pub use amount::Amount;
pub use chart::{House, open_house};
pub use error::LedgerError;
pub use net::Net;
pub use post::{post, post_in_tx, post_one, post_one_in_tx};
pub use proof::{Difference, Sealed, Verified, seal, verify};
pub use reads::{
    Balance, By, Explained, Line, OpenHold, OwnerBalance, Page, StatementCursor, TrialLine, balance, balance_at,
    explained, open_holds, open_holds_of_owner, owner_balances, owner_balances_at, statement, trial_balance,
};
pub use transfer::{Action, Ended, Movement, Recorded, Refusal, Transfer};
pub use writer::Writer;

/// What became of one transfer.
pub type Answer = Result<Recorded, Refusal>;

/// Names an asset and how many digits its smallest unit has behind the point. Again the same: nothing happens.
///
/// # Errors
/// `OtherScale` when it was named with other digits; the database's.
pub async fn name_asset(conn: &mut PgConnection, asset: &str, scale: i16) -> Result<(), LedgerError> {
    let stored = repo::insert_asset(conn, asset, scale).await?;
    if stored == scale { Ok(()) } else { Err(LedgerError::OtherScale { asset: asset.to_owned(), stored }) }
}

/// Opens accounts; those that are open already stay as they are.
///
/// # Errors
/// `OtherAccount` when an id stands for another account; the database's, of an unknown asset too.
pub async fn open_accounts(conn: &mut PgConnection, accounts: &[NewAccount]) -> Result<(), LedgerError> {
    repo::insert_accounts(conn, accounts).await?;
    let ids: Vec<_> = accounts.iter().map(|account| account.id).collect();
    let stored = repo::accounts(conn, &ids).await?;
    match accounts.iter().find(|account| !stored.contains(account)) {
        Some(other) => Err(LedgerError::OtherAccount(other.id)),
        None => Ok(()),
    }
}

/// Ends up to `most` holds whose time is over. How many there were: when it is `most`, there may be more.
///
/// Nothing hangs on it: a hold whose time is over holds nothing for who comes by.
///
/// # Errors
/// The database's.
pub async fn sweep(pool: &PgPool, most: i64) -> Result<usize, LedgerError> {
    let mut tx = pool.begin().await?;
    let over = repo::expired_holds(&mut tx, most).await?;
    let mut book = repo::open(&mut tx, &BTreeSet::new(), &[], &over, &BTreeSet::new()).await?;
    book.expire();
    if !post::write(&mut tx, &book).await? {
        return Err(LedgerError::Interfered);
    }
    tx.commit().await?;
    Ok(over.len())
}
