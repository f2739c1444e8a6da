//! SQL of the ledger's tables.

use std::collections::{BTreeSet, HashMap};

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Action, Amount, Ended, Limited, NewAccount, Recorded, Totals, Transfer,
    fold::{Account, Book, Hold, Moved},
    row::{Kind, Row},
    written::{AccountChange, EndedHold, Written},
};
use crate::ids::{AccountId, TransferId};

pub(super) async fn insert_asset(conn: &mut PgConnection, asset: &str, scale: i16) -> sqlx::Result<i16> {
    sqlx::query_scalar(
        "with inserted as (insert into ledger_asset (asset, scale) values ($1, $2) on conflict do nothing returning scale)
         select scale from inserted union all select scale from ledger_asset where asset = $1 limit 1",
    )
    .bind(asset)
    .bind(scale)
    .fetch_one(conn)
    .await
}

/// Opens those that are not open yet.
pub(super) async fn insert_accounts(conn: &mut PgConnection, accounts: &[NewAccount]) -> sqlx::Result<()> {
    sqlx::query(
        "insert into ledger_account (account_id, asset, kind, owner, limited)
         select account_id, asset, kind, owner, limited::ledger_side
           from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) as t (account_id, asset, kind, owner, limited)
         on conflict (account_id) do nothing",
    )
    .bind(accounts.iter().map(|account| account.id.0).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.asset.as_str()).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.kind.as_str()).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.owner.as_deref()).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.limited.map(Limited::as_str)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn accounts(conn: &mut PgConnection, ids: &[AccountId]) -> sqlx::Result<Vec<NewAccount>> {
    let rows = sqlx::query(
        "select account_id, asset, kind, owner, limited::text from ledger_account where account_id = any($1)",
    )
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let account = |row: &PgRow| {
        Ok(NewAccount {
            id: AccountId(row.try_get("account_id")?),
            asset: row.try_get("asset")?,
            kind: row.try_get("kind")?,
            owner: row.try_get("owner")?,
            limited: word(row.try_get("limited")?, Limited::from_word)?,
        })
    };
    rows.iter().map(account).collect()
}

/// Locks accounts, and reads what a batch may touch.
pub(super) async fn open(
    conn: &mut PgConnection,
    accounts: &BTreeSet<AccountId>,
    transfers: &[TransferId],
    holds: &BTreeSet<TransferId>,
    reversed: &BTreeSet<TransferId>,
) -> sqlx::Result<Book> {
    let rows = sqlx::query("select * from ledger_open($1, $2, $3, $4)")
        .bind(accounts.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind(transfers.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind(holds.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind(reversed.iter().map(|id| id.0).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    let mut book = Book {
        accounts: HashMap::new(),
        holds: HashMap::new(),
        moved: HashMap::new(),
        known: HashMap::new(),
        now: OffsetDateTime::UNIX_EPOCH,
        written: Vec::new(),
    };
    for row in &rows {
        let Some(id) = row.try_get::<Option<Uuid>, _>("id")? else {
            book.now = row.try_get("at")?;
            continue;
        };
        match row.try_get("what")? {
            "account" => drop(book.accounts.insert(AccountId(id), account_from_row(row)?)),
            "hold" => drop(book.holds.insert(TransferId(id), hold_from_row(row)?)),
            "moved" => drop(book.moved.insert(TransferId(id), moved_from_row(row)?)),
            _ => drop(book.known.insert(TransferId(id), transfer_from_row(TransferId(id), row)?)),
        }
    }
    Ok(book)
}

/// Holds whose time is over and that nobody ended yet.
pub(super) async fn expired_holds(conn: &mut PgConnection, most: i64) -> sqlx::Result<BTreeSet<TransferId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select transfer_id from ledger_hold where ended is null and expires_at <= clock_timestamp() order by expires_at limit $1",
    )
    .bind(most)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(TransferId).collect())
}

/// The holds of these that there are, as they stand now.
pub(super) async fn holds(conn: &mut PgConnection, ids: &[TransferId]) -> sqlx::Result<HashMap<TransferId, Hold>> {
    let rows = sqlx::query(
        "select transfer_id as id, debit_account as debit, credit_account as credit, remaining as first, partly, expires_at as at,
                ended::text as word
           from ledger_hold
          where transfer_id = any($1)",
    )
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((TransferId(row.try_get("id")?), hold_from_row(row)?))).collect()
}

/// Writes it whole, in one statement, and gives when. `None`: something is not as it takes it to be, and nothing is written.
pub(super) async fn write(conn: &mut PgConnection, written: &Written<'_>) -> sqlx::Result<Option<OffsetDateTime>> {
    sqlx::query_scalar("select ledger_write($1, $2, $3, $4)")
        .bind(&written.rows)
        .bind(written.accounts.iter().map(AccountChange::from).collect::<Vec<_>>())
        .bind(written.holds.iter().map(EndedHold::from).collect::<Vec<_>>())
        .bind(written.clock)
        .fetch_one(conn)
        .await
}

/// Makes the commit of this transaction, or of none but this statement, wait until everything that anybody committed before is on the disk, also
/// where the transaction changes nothing. The message is nobody's.
pub(super) async fn commit_waits_for_disk(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_logical_emit_message(true, 'abono', '')").execute(conn).await.map(drop)
}

/// In one round trip, where nothing is in its way; `None`: nothing was written.
pub(super) async fn post_plainly(conn: &mut PgConnection, transfer: &Transfer) -> sqlx::Result<Option<Recorded>> {
    let (movement, hold) = match transfer.action {
        Action::Post(movement) => (movement, None),
        Action::Hold { movement, timeout_secs, partly } => (movement, Some((timeout_secs, partly))),
        Action::Commit { hold, amount, keep_rest } => {
            return end_plainly(conn, transfer, hold, amount, keep_rest).await;
        }
        Action::Release { hold } => return end_plainly(conn, transfer, hold, Some(Amount::ZERO), false).await,
        // Rare: it takes the way of ledger_open.
        Action::Reverse { .. } => return Ok(None),
    };
    let (timeout_secs, partly) = hold.unwrap_or_default();
    let created_at: Option<OffsetDateTime> =
        sqlx::query_scalar("select ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(transfer.id.0)
            .bind(hold.is_some())
            .bind(movement.debit.0)
            .bind(movement.credit.0)
            .bind(movement.amount)
            .bind(seconds(timeout_secs))
            .bind(partly)
            .bind(transfer.code.as_str())
            .bind(transfer.reference.as_deref())
            .bind(transfer.event_at)
            .fetch_one(conn)
            .await?;
    Ok(created_at.map(|created_at| Recorded { id: transfer.id, amount: movement.amount, created_at, existed: false }))
}

async fn end_plainly(
    conn: &mut PgConnection,
    transfer: &Transfer,
    hold: TransferId,
    taken: Option<Amount>,
    keep_rest: bool,
) -> sqlx::Result<Option<Recorded>> {
    let row = sqlx::query("select amount, created_at from ledger_end($1, $2, $3, $4, $5, $6, $7)")
        .bind(transfer.id.0)
        .bind(hold.0)
        .bind(taken)
        .bind(keep_rest)
        .bind(transfer.code.as_str())
        .bind(transfer.reference.as_deref())
        .bind(transfer.event_at)
        .fetch_one(conn)
        .await?;
    let written = row.try_get::<Option<Amount>, _>("amount")?.zip(row.try_get("created_at")?);
    Ok(written.map(|(amount, created_at)| Recorded { id: transfer.id, amount, created_at, existed: false }))
}

fn seconds(timeout: Option<u32>) -> Option<i32> {
    timeout.map(|secs| i32::try_from(secs).unwrap_or(i32::MAX))
}

fn account_from_row(row: &PgRow) -> sqlx::Result<Account> {
    let totals = Totals {
        debits_pending: row.try_get("first")?,
        debits_posted: row.try_get("second")?,
        credits_pending: row.try_get("third")?,
        credits_posted: row.try_get("fourth")?,
    };
    Ok(Account {
        asset: row.try_get("word")?,
        limited: word(row.try_get("other")?, Limited::from_word)?,
        totals,
        locked: totals,
    })
}

fn hold_from_row(row: &PgRow) -> sqlx::Result<Hold> {
    let remaining = row.try_get("first")?;
    Ok(Hold {
        debit: AccountId(row.try_get("debit")?),
        credit: AccountId(row.try_get("credit")?),
        remaining,
        at_first: remaining,
        partly: row.try_get("partly")?,
        expires_at: row.try_get("at")?,
        ended: word(row.try_get("word")?, Ended::from_word)?,
    })
}

fn moved_from_row(row: &PgRow) -> sqlx::Result<Moved> {
    Ok(Moved {
        debit: AccountId(row.try_get("debit")?),
        credit: AccountId(row.try_get("credit")?),
        left: row.try_get("first")?,
        is_reversal: row.try_get::<Option<Uuid>, _>("takes_back")?.is_some(),
    })
}

fn transfer_from_row(id: TransferId, row: &PgRow) -> sqlx::Result<Row> {
    let kind: &str = row.try_get("more")?;
    let secs: Option<i32> = row.try_get("secs")?;
    Ok(Row {
        id,
        debit: AccountId(row.try_get("debit")?),
        credit: AccountId(row.try_get("credit")?),
        amount: row.try_get("first")?,
        kind: Kind::from_word(kind).ok_or_else(|| unknown(kind))?,
        hold: row.try_get::<Option<Uuid>, _>("hold")?.map(TransferId),
        reverses: row.try_get::<Option<Uuid>, _>("takes_back")?.map(TransferId),
        timeout_secs: secs.map(i32::unsigned_abs),
        partly: row.try_get("partly")?,
        code: row.try_get("word")?,
        reference: row.try_get("other")?,
        event_at: row.try_get("event_at")?,
        created_at: row.try_get("at")?,
    })
}

pub(super) fn word<T>(found: Option<&str>, known: impl Fn(&str) -> Option<T>) -> sqlx::Result<Option<T>> {
    found.map(|found| known(found).ok_or_else(|| unknown(found))).transpose()
}

pub(super) fn unknown(found: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("unknown word {found} in the ledger").into())
}
