//! Statements: an account's transfers, the newest first, with what was there after each.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    super::{LedgerError, Net, row::Kind},
    read_repo,
};
use crate::ids::{AccountId, TransferId};

/// Lines of a page at most.
const MOST: i64 = 500;

/// One transfer, as one of its accounts sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Higher is later.
    pub position: i64,
    /// The transfer.
    pub id: TransferId,
    /// The account on its other side.
    pub other: AccountId,
    /// `posted`, `pending`, `post_pending` or `void_pending`.
    pub kind: &'static str,
    /// What it is for.
    pub code: String,
    /// What it belongs to.
    pub reference: Option<String>,
    /// Put in, or, below zero, taken.
    pub posted: Net,
    /// Held, to be taken: by so much more, or less.
    pub pending_out: Net,
    /// Held, to be put in: by so much more, or less.
    pub pending_in: Net,
    /// What was put in less what was taken, after it.
    pub balance: Net,
    /// When it happened.
    pub event_at: OffsetDateTime,
    /// When it was written.
    pub created_at: OffsetDateTime,
}

/// Where the next page begins. What stands before a position never changes, so the balance there is kept with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementCursor {
    /// The next line is before it.
    pub before: i64,
    /// The balance after that line.
    pub balance: Net,
}

/// A page of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What is counted.
    pub asset: String,
    /// Digits behind the point of the asset's smallest unit.
    pub scale: i16,
    /// The newest first.
    pub lines: Vec<Line>,
    /// `None`: nothing is left.
    pub next: Option<StatementCursor>,
}

/// As it is read: without the balance, which is counted back from the newest line.
pub(super) struct Read {
    pub(super) asset: String,
    pub(super) scale: i16,
    pub(super) now: Net,
    pub(super) lines: Vec<Line>,
}

/// A page of up to `most` lines, 500 at most, from the latest one on or from where the page before ended. `None`: no
/// such account.
///
/// # Errors
/// The database's.
pub async fn statement(
    conn: &mut PgConnection,
    account: AccountId,
    from: Option<StatementCursor>,
    most: i64,
) -> Result<Option<Page>, LedgerError> {
    let most = most.clamp(1, MOST);
    let before = from.map_or(i64::MAX, |cursor| cursor.before);
    // One more, to know whether anything is left.
    let Some(Read { asset, scale, now, mut lines }) = read_repo::statement(conn, account, before, most + 1).await?
    else {
        return Ok(None);
    };
    let more = lines.len() > usize::try_from(most).unwrap_or(usize::MAX);
    if more {
        lines.pop();
    }
    let mut balance = from.map_or(now, |cursor| cursor.balance);
    for line in &mut lines {
        line.balance = balance;
        balance = balance - line.posted;
    }
    let next = lines.last().filter(|_| more).map(|line| StatementCursor { before: line.position, balance });
    Ok(Some(Page { asset, scale, lines, next }))
}

pub(super) fn kind_word(word: &str) -> Option<&'static str> {
    Kind::from_word(word).map(Kind::as_str)
}
