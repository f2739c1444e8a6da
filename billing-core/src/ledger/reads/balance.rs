//! What accounts have: now, and at any instant.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    super::{Amount, LedgerError, Limited, Net},
    read_repo,
};
use crate::ids::{AccountId, TransferId};

/// Holds in one answer at most.
const MOST: i64 = 1_000;

/// Which of a transfer's two instants counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// When it was written.
    Booking,
    /// When it happened, which may be long before.
    Event,
}

impl By {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Event => "event",
        }
    }
}

/// What an account has. By event time, what is held may be less than nothing: a hold's end may have happened before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What is counted.
    pub asset: String,
    /// Digits behind the point of the asset's smallest unit.
    pub scale: i16,
    /// The account's limit.
    pub limited: Option<Limited>,
    /// What was put in less what was taken.
    pub posted: Net,
    /// Held, to be taken.
    pub pending_out: Net,
    /// Held, to be put in.
    pub pending_in: Net,
}

impl Balance {
    /// What may still be taken; of an account whose credits are limited, what may still be put in.
    #[must_use]
    pub fn available(&self) -> Net {
        match self.limited {
            Some(Limited::Credits) => -self.posted - self.pending_in,
            Some(Limited::Debits) | None => self.posted - self.pending_out,
        }
    }
}

/// What an account has now. A hold whose time is over holds nothing. `None`: no such account.
///
/// # Errors
/// The database's.
pub async fn balance(conn: &mut PgConnection, account: AccountId) -> Result<Option<Balance>, LedgerError> {
    Ok(read_repo::balance(conn, account).await?)
}

/// What an account had at an instant, that instant's transfers included. A hold whose time was over holds on until the row
/// that says so: by booking when that was written, by event when its time was over. `None`: no such account.
///
/// # Errors
/// The database's.
pub async fn balance_at(
    conn: &mut PgConnection,
    account: AccountId,
    instant: OffsetDateTime,
    by: By,
) -> Result<Option<Balance>, LedgerError> {
    Ok(read_repo::balance_at(conn, account, instant, by).await?)
}

/// All that somebody has of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerBalance {
    /// What is counted.
    pub asset: String,
    /// Digits behind the point of the asset's smallest unit.
    pub scale: i16,
    /// In so many accounts.
    pub accounts: i64,
    /// What was put in less what was taken.
    pub posted: Net,
    /// Held, to be taken.
    pub pending_out: Net,
    /// Held, to be put in.
    pub pending_in: Net,
}

/// What all accounts of an owner have now, by asset; as [`balance`], but what only counts from later on is left out: a grant to
/// come, and expiries that are booked ahead.
///
/// # Errors
/// The database's.
pub async fn owner_balances(conn: &mut PgConnection, owner: &str) -> Result<Vec<OwnerBalance>, LedgerError> {
    Ok(read_repo::owner_balances(conn, owner).await?)
}

/// What all accounts of an owner had or will have at an instant, by asset; as [`balance_at`]. By event time an instant to come is
/// what would be left if nothing else happened.
///
/// # Errors
/// The database's.
pub async fn owner_balances_at(
    conn: &mut PgConnection,
    owner: &str,
    instant: OffsetDateTime,
    by: By,
) -> Result<Vec<OwnerBalance>, LedgerError> {
    Ok(read_repo::owner_balances_at(conn, owner, instant, by).await?)
}

/// A hold that nobody ended and whose time is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHold {
    /// The hold.
    pub id: TransferId,
    /// Of whom it is held.
    pub debit: AccountId,
    /// For whom.
    pub credit: AccountId,
    /// Neither taken nor given back yet.
    pub remaining: Amount,
    /// Whether it may be taken from several times.
    pub partly: bool,
    /// When it gives back by itself; `None`: never.
    pub expires_at: Option<OffsetDateTime>,
}

/// Open holds of what an account has, the next to expire first; up to `most`, 1,000 at most.
///
/// # Errors
/// The database's.
pub async fn open_holds(conn: &mut PgConnection, account: AccountId, most: i64) -> Result<Vec<OpenHold>, LedgerError> {
    Ok(read_repo::open_holds(conn, account, most.clamp(1, MOST)).await?)
}

/// Open holds of what all accounts of an owner have; as [`open_holds`].
///
/// # Errors
/// The database's.
pub async fn open_holds_of_owner(
    conn: &mut PgConnection,
    owner: &str,
    most: i64,
) -> Result<Vec<OpenHold>, LedgerError> {
    Ok(read_repo::open_holds_of_owner(conn, owner, most.clamp(1, MOST)).await?)
}

/// Sums over all accounts of one asset and kind. Over all kinds of an asset, debits and credits are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialLine {
    /// What is counted.
    pub asset: String,
    /// Digits behind the point of the asset's smallest unit.
    pub scale: i16,
    /// What the accounts are for.
    pub kind: String,
    /// How many there are.
    pub accounts: i64,
    /// Taken.
    pub debits_posted: Net,
    /// Put in.
    pub credits_posted: Net,
    /// Held, to be taken.
    pub debits_pending: Net,
    /// Held, to be put in.
    pub credits_pending: Net,
}

/// The trial balance, by asset and kind of account; holds count until they are ended.
///
/// # Errors
/// The database's; a sum past 1.7 × 10^38.
pub async fn trial_balance(conn: &mut PgConnection) -> Result<Vec<TrialLine>, LedgerError> {
    Ok(read_repo::trial_balance(conn).await?)
}

/// How much of what went through an account explains itself: of a reference whose transfers cancel out, nothing is left
/// to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    /// All that was put in, and all that was taken.
    pub volume: Net,
    /// Of that, by transfers of references that cancel out.
    pub explained: Net,
    /// Explained of the volume, in 1/100 of a percent, rounded down; `None` where nothing went through.
    pub share_bps: Option<i32>,
    /// References that do not cancel out; a transfer without one counts as one.
    pub open: i64,
    /// What is left of them.
    pub open_net: Net,
    /// When the oldest transfer of them happened.
    pub oldest: Option<OffsetDateTime>,
    /// How long ago that is, in seconds by the database's clock.
    pub oldest_age_secs: Option<i64>,
}

/// How much of a suspense account is explained. Reads all of its transfers. `None`: no such account.
///
/// # Errors
/// The database's.
pub async fn explained(conn: &mut PgConnection, account: AccountId) -> Result<Option<Explained>, LedgerError> {
    Ok(read_repo::explained(conn, account).await?)
}
