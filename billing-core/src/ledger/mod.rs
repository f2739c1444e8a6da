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
mod proof;
mod reads;
mod repo;
mod row;
mod transfer;
mod writer;
mod written;

use std::collections::{BTreeSet, HashMap};

use sqlx::{Connection as _, PgConnection, PgPool};

use self::{
    fold::Book,
    written::{NewRow, Written},
};
use crate::ids::{AccountId, TransferId};

pub use account::{Limited, NewAccount, Totals};
pub use amount::Amount;
pub use chart::{House, open_house};
pub use error::LedgerError;
pub use net::Net;
pub use proof::{Difference, Sealed, Verified, seal, verify};
pub use reads::{
    Balance, By, Explained, Line, OpenHold, OwnerBalance, Page, StatementCursor, TrialLine, balance, balance_at,
    explained, open_holds, open_holds_of_owner, owner_balances, owner_balances_at, statement, trial_balance,
};
pub use transfer::{Action, Ended, Movement, Recorded, Refusal, Transfer};
pub use writer::Writer;

/// How often what others do at the same time may come between.
const TRIES: u32 = 3;

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

/// Posts one transfer in the caller's transaction: in one round trip, unless something is in its way.
///
/// # Errors
/// `NoTransaction` outside of one, which [`post_one`] is for; the database's: then the caller's transaction is lost.
pub async fn post_one_in_tx(conn: &mut PgConnection, transfer: &Transfer) -> Result<Answer, LedgerError> {
    in_transaction(conn)?;
    if transfer.unsound().is_none()
        && let Some(recorded) = repo::post_plainly(conn, transfer).await?
    {
        return Ok(Ok(recorded));
    }
    let answers = post_in_tx(conn, &[std::slice::from_ref(transfer)]).await?;
    Ok(answers.into_iter().flatten().next().unwrap_or(Err(Refusal::Linked)))
}

/// Posts one transfer in a transaction of its own: in one round trip, unless something is in its way.
///
/// # Errors
/// The database's.
pub async fn post_one(conn: &mut PgConnection, transfer: &Transfer) -> Result<Answer, LedgerError> {
    if transfer.unsound().is_none()
        && let Some(recorded) = repo::post_plainly(conn, transfer).await?
    {
        return Ok(Ok(recorded));
    }
    // The longer way is several statements: what the first one locks must stay locked.
    let mut tx = conn.begin().await?;
    let answers = post_in_tx(&mut tx, &[std::slice::from_ref(transfer)]).await?;
    tx.commit().await?;
    Ok(answers.into_iter().flatten().next().unwrap_or(Err(Refusal::Linked)))
}

/// Posts batches in the caller's transaction, one after the other; each batch is written whole or not at all. The round
/// trips do not grow with their number. Answers in the order of the transfers.
///
/// # Errors
/// `NoTransaction` outside of one; the database's: then the caller's transaction is lost.
pub async fn post_in_tx(conn: &mut PgConnection, batches: &[&[Transfer]]) -> Result<Vec<Vec<Answer>>, LedgerError> {
    in_transaction(conn)?;
    if let Some(answers) = post_plainly(conn, batches).await? {
        return Ok(answers);
    }
    post_folded(conn, batches).await
}

/// What something is in the way of.
async fn post_folded(conn: &mut PgConnection, batches: &[&[Transfer]]) -> Result<Vec<Vec<Answer>>, LedgerError> {
    for _ in 0..TRIES {
        if let Some(answers) = post_by_fold(conn, batches).await? {
            return Ok(answers);
        }
    }
    Err(LedgerError::Interfered)
}

/// In one statement where nothing is in the way of any of them, after one that reads the holds that they end; `None`: nothing was written.
async fn post_plainly(
    conn: &mut PgConnection,
    batches: &[&[Transfer]],
) -> Result<Option<Vec<Vec<Answer>>>, LedgerError> {
    let ended = plain::ended(batches);
    let holds = if ended.is_empty() { HashMap::new() } else { repo::holds(conn, &ended).await? };
    let Some(written) = plain::plainly(batches, holds) else { return Ok(None) };
    let Some(created_at) = repo::write(conn, &written).await? else { return Ok(None) };
    let mut rows = written.rows.iter();
    let recorded =
        |row: &NewRow<'_>| Recorded { id: TransferId(row.id), amount: row.amount, created_at, existed: false };
    let answers = |batch: &&[Transfer]| rows.by_ref().take(batch.len()).map(|row| Ok(recorded(row))).collect();
    Ok(Some(batches.iter().map(answers).collect()))
}

/// Locks what they may touch, and says of each why not. `None`: nothing was written; another transaction wrote one of the ids meanwhile, between
/// other accounts.
async fn post_by_fold(
    conn: &mut PgConnection,
    batches: &[&[Transfer]],
) -> Result<Option<Vec<Vec<Answer>>>, LedgerError> {
    let (mut accounts, mut holds, mut reversed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut ids = Vec::new();
    for transfer in batches.iter().copied().flatten() {
        ids.push(transfer.id);
        match transfer.action {
            Action::Post(movement) | Action::Hold { movement, .. } => {
                accounts.extend([movement.debit, movement.credit])
            }
            Action::Commit { hold, .. } | Action::Release { hold } => drop(holds.insert(hold)),
            Action::Reverse { of, .. } => drop(reversed.insert(of)),
        }
    }
    let mut book = repo::open(conn, &accounts, &ids, &holds, &reversed).await?;
    book.expire();
    let answers: Vec<Vec<Answer>> = batches.iter().map(|batch| book.post_linked(batch)).collect();
    if answers.iter().flatten().flatten().any(|recorded| recorded.existed) {
        // What somebody else wrote may not be on the disk yet.
        repo::commit_waits_for_disk(conn).await?;
    }
    Ok(write(conn, &book).await?.then_some(answers))
}

/// Whether it is written, if anything is to be.
async fn write(conn: &mut PgConnection, book: &Book) -> Result<bool, LedgerError> {
    Ok(book.written.is_empty() || repo::write(conn, &Written::from(book)).await?.is_some())
}

/// Outside of one, others would change what was read before it is written.
fn in_transaction(conn: &PgConnection) -> Result<(), LedgerError> {
    if conn.is_in_transaction() { Ok(()) } else { Err(LedgerError::NoTransaction) }
}

/// Posts one batch, whole or not at all.
///
/// # Errors
/// The database's.
pub async fn post(pool: &PgPool, batch: &[Transfer]) -> Result<Vec<Answer>, LedgerError> {
    let mut tx = pool.begin().await?;
    let answers = post_in_tx(&mut tx, &[batch]).await?;
    tx.commit().await?;
    Ok(answers.into_iter().flatten().collect())
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
    if !write(&mut tx, &book).await? {
        return Err(LedgerError::Interfered);
    }
    tx.commit().await?;
    Ok(over.len())
}
