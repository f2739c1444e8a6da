//! Accounts and what keeps them from being overdrawn.

use super::Amount;
use crate::ids::AccountId;

/// Which side of an account may not exceed the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limited {
    /// What is taken may not exceed what was put in: accounts that hold money for somebody.
    Debits,
    /// What is put in may not exceed what was taken: accounts of what is owed to us.
    Credits,
}

impl Limited {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debits => "debits",
            Self::Credits => "credits",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Debits, Self::Credits].into_iter().find(|limited| limited.as_str() == word)
    }
}

/// What an account is, once and for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Made by the caller.
    pub id: AccountId,
    /// Of a known asset.
    pub asset: String,
    /// What it is for: `customer`, `revenue`, ...
    pub kind: String,
    /// Whose it is; `None` for the house.
    pub owner: Option<String>,
    /// `None` for no limit.
    pub limited: Option<Limited>,
}

/// An account's four totals, in the asset's smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Held, to be taken.
    pub debits_pending: Amount,
    /// Taken.
    pub debits_posted: Amount,
    /// Held, to be put in.
    pub credits_pending: Amount,
    /// Put in.
    pub credits_posted: Amount,
}

impl Totals {
    /// What a limited side may still grow by.
    #[must_use]
    pub fn available(&self, limited: Limited) -> Amount {
        let (limit, posted, pending) = match limited {
            Limited::Debits => (self.credits_posted, self.debits_posted, self.debits_pending),
            Limited::Credits => (self.debits_posted, self.credits_posted, self.credits_pending),
        };
        limit.saturating_sub(posted).saturating_sub(pending)
    }
}
