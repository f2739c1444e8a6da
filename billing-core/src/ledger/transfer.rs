//! What is asked of the ledger, and what it answers.

use std::fmt;

use time::OffsetDateTime;

use super::Amount;
use crate::ids::{AccountId, TransferId};

/// A movement between two accounts of one asset, or the end of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Made by the caller and stored before the first try: who asks again with the same id and body is given the first answer.
    pub id: TransferId,
    /// What it does.
    pub action: Action,
    /// What it is for: `topup`, `hold`, `refund`, ...
    pub code: String,
    /// What of the caller's it belongs to.
    pub reference: Option<String>,
    /// When it happened; `None` for now.
    pub event_at: Option<OffsetDateTime>,
}

/// What a transfer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Moves an amount at once.
    Post(Movement),
    /// Holds an amount, so that nothing else can take it.
    Hold {
        /// Between which accounts, how much.
        movement: Movement,
        /// Seconds after which it gives everything back by itself, by the database's clock; `None`: never.
        timeout_secs: Option<u32>,
        /// Whether it may be taken from several times.
        partly: bool,
    },
    /// Moves what was held.
    Commit {
        /// The hold.
        hold: TransferId,
        /// How much of it; `None` for all that is left.
        amount: Option<Amount>,
        /// Whether the rest stays held; otherwise it is given back.
        keep_rest: bool,
    },
    /// Gives back what is held.
    Release {
        /// The hold.
        hold: TransferId,
    },
    /// Takes back what was moved, at once or by a hold's commit.
    Reverse {
        /// The transfer.
        of: TransferId,
        /// How much of it; `None` for all that was not taken back yet.
        amount: Option<Amount>,
    },
}

impl Transfer {
    /// Moves something now.
    #[must_use]
    pub fn of(id: TransferId, movement: Movement) -> Self {
        Self { id, action: Action::Post(movement), code: "transfer".to_owned(), reference: None, event_at: None }
    }

    /// Takes back `amount` of what a transfer moved; `None` for all that is left of it.
    #[must_use]
    pub fn reversal(id: TransferId, of: TransferId, amount: Option<Amount>) -> Self {
        Self { id, action: Action::Reverse { of, amount }, code: "reverse".to_owned(), reference: None, event_at: None }
    }

    /// A correction by a person, who says why.
    #[must_use]
    pub fn adjustment(id: TransferId, movement: Movement, reason: String) -> Self {
        let reference = Some(reason);
        Self { id, action: Action::Post(movement), code: "adjust".to_owned(), reference, event_at: None }
    }

    /// What is wrong with it whatever the accounts are.
    pub(super) fn unsound(&self) -> Option<Refusal> {
        let (movement, timeout_secs) = match self.action {
            Action::Post(movement) => (movement, None),
            Action::Hold { movement, timeout_secs, .. } => (movement, timeout_secs),
            Action::Commit { amount, .. } | Action::Reverse { amount, .. } => {
                return (amount == Some(Amount::ZERO)).then_some(Refusal::Nothing);
            }
            Action::Release { .. } => return None,
        };
        if movement.amount == Amount::ZERO {
            Some(Refusal::Nothing)
        } else if movement.debit == movement.credit {
            Some(Refusal::SameAccount)
        } else {
            let never = timeout_secs.is_some_and(|secs| secs == 0 || i32::try_from(secs).is_err());
            never.then_some(Refusal::Timeout)
        }
    }
}

/// How much from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Where it is taken.
    pub debit: AccountId,
    /// Where it is put.
    pub credit: AccountId,
    /// More than nothing.
    pub amount: Amount,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The transfer.
    pub id: TransferId,
    /// Moved, held, or given back by it.
    pub amount: Amount,
    /// By the database's clock.
    pub created_at: OffsetDateTime,
    /// Whether it stood there before.
    pub existed: bool,
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// All of it, or the last part, was moved.
    Posted,
    /// It was given back.
    Voided,
    /// Its time was over.
    Expired,
}

impl Ended {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Posted, Self::Voided, Self::Expired].into_iter().find(|ended| ended.as_str() == word)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An id that stands for something else.
    #[error("transfer {id} exists with another {field}")]
    Differs {
        /// The transfer.
        id: TransferId,
        /// What is different.
        field: &'static str,
    },
    /// Amounts are more than nothing.
    #[error("the amount is zero")]
    Nothing,
    /// A hold lasts from a second to 68 years.
    #[error("the timeout is not between 1 and 2147483647 seconds")]
    Timeout,
    /// A grant's priority is past 100, or it ends before it begins.
    #[error("a grant's priority is from 0 to 100, and it expires after it takes effect")]
    Terms,
    /// From an account to itself.
    #[error("debit and credit are the same account")]
    SameAccount,
    /// Nobody opened it.
    #[error("no account {0}")]
    NoAccount(AccountId),
    /// The accounts count different things.
    #[error("the accounts are of different assets")]
    AssetsDiffer,
    /// More than is there.
    #[error("account {account} has {available} available, {asked} are asked for")]
    Overdraft {
        /// The account whose limit it is.
        account: AccountId,
        /// What is there.
        available: Amount,
        /// What was asked for.
        asked: Amount,
    },
    /// All that is granted for it together is less.
    #[error("{available} are there to be spent on it, {asked} are asked for")]
    NotEnough {
        /// What is there.
        available: Amount,
        /// What was asked for.
        asked: Amount,
    },
    /// No such hold.
    #[error("no hold {0}")]
    NoHold(TransferId),
    /// It is over.
    #[error("hold {hold} was {how} already")]
    HoldEnded {
        /// The hold.
        hold: TransferId,
        /// How.
        how: Ended,
    },
    /// More than is held.
    #[error("hold {hold} has {left} left, {asked} are asked for")]
    ExceedsHold {
        /// The hold.
        hold: TransferId,
        /// What is left of it.
        left: Amount,
        /// What was asked for.
        asked: Amount,
    },
    /// Nothing was moved by that id.
    #[error("no transfer {0} that moved anything")]
    NoTransfer(TransferId),
    /// What takes back is not taken back itself.
    #[error("transfer {0} is a reversal")]
    IsReversal(TransferId),
    /// More than it moved, less what was taken back already.
    #[error("of transfer {of} {left} can be taken back, {asked} are asked for")]
    ExceedsTransfer {
        /// The transfer.
        of: TransferId,
        /// What was not taken back yet.
        left: Amount,
        /// What was asked for.
        asked: Amount,
    },
    /// It may be taken from once.
    #[error("hold {0} is taken from once; the rest cannot stay held")]
    HoldEndsAtOnce(TransferId),
    /// Totals end at 10^38.
    #[error("a total of account {0} would be too large")]
    TooMuch(AccountId),
    /// Another transfer of the same batch was refused.
    #[error("another transfer of the batch was refused")]
    Linked,
}
