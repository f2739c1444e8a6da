//! Posting: as if nothing were in the way first, then by what [`super::fold`] says.

use std::collections::{BTreeSet, HashMap};

use sqlx::{Connection as _, PgConnection, PgPool};

use super::{
    Action, Answer, LedgerError, Recorded, Refusal, Transfer,
    fold::Book,
    plain, repo,
    written::{NewRow, Written},
};
use crate::ids::TransferId;

/// How often what others do at the same time may come between.
const TRIES: u32 = 3;

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
pub(super) async fn post_folded(
    conn: &mut PgConnection,
    batches: &[&[Transfer]],
) -> Result<Vec<Vec<Answer>>, LedgerError> {
    for _ in 0..TRIES {
        if let Some(answers) = post_by_fold(conn, batches).await? {
            return Ok(answers);
        }
    }
    Err(LedgerError::Interfered)
}

/// In one statement where nothing is in the way of any of them, after one that reads the holds that they end; `None`: nothing was written.
pub(super) async fn post_plainly(
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
pub(super) async fn write(conn: &mut PgConnection, book: &Book) -> Result<bool, LedgerError> {
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
