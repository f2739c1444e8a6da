//! What a grant is.

use alloy::primitives::U256;
use time::OffsetDateTime;

use super::super::{AccountId, Amount, TransferId, chart::named};
use crate::ids::GrantId;

/// Whether money was paid for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// It was.
    Paid,
    /// It is a present.
    Promotional,
}

impl Category {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Promotional => "promotional",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Paid, Self::Promotional].into_iter().find(|category| category.as_str() == word)
    }
}

/// What was paid for all of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// A currency.
    pub asset: String,
    /// In its smallest unit.
    pub amount: Amount,
}

/// Credits for somebody to spend, on terms that never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// Made by the caller, and kept: asked again, it is answered the same.
    pub id: GrantId,
    /// Whose it is.
    pub owner: String,
    /// What is given.
    pub asset: String,
    /// How much; more than nothing.
    pub amount: Amount,
    /// Paid or promotional.
    pub category: Category,
    /// From 0 to 100; lower ones are spent first.
    pub priority: u8,
    /// When it can be spent from on; `None` for at once.
    pub effective_at: Option<OffsetDateTime>,
    /// When what is left of it is gone; `None` for never.
    pub expires_at: Option<OffsetDateTime>,
    /// Kinds of products that it pays for; empty for all.
    pub applies_to: Vec<String>,
    /// What it cost.
    pub cost: Option<Cost>,
    /// What of the caller's it belongs to.
    pub reference: Option<String>,
}

impl GrantId {
    /// The account that it is spent from.
    #[must_use]
    pub const fn account(self) -> AccountId {
        AccountId(self.0)
    }

    /// The account that its expiry is booked ahead on.
    #[must_use]
    pub fn expiry_account(self) -> AccountId {
        AccountId(named(&["expiry", &self.0.to_string()]))
    }

    /// The transfer that gave it.
    #[must_use]
    pub const fn transfer(self) -> TransferId {
        TransferId(self.0)
    }
}

impl Cost {
    /// What of it falls to the units from `used` to `used + more` of a grant of `granted`: whole units, whose sum over all of the
    /// grant is the cost.
    #[must_use]
    pub fn share(&self, granted: Amount, used: Amount, more: Amount) -> Amount {
        let wide = |amount: Amount| U256::from(amount.units());
        let up_to = |units: Amount| wide(self.amount) * wide(units.min(granted)) / wide(granted).max(U256::ONE);
        let share = up_to(used.saturating_add(more)) - up_to(used);
        u128::try_from(share).ok().and_then(Amount::new).unwrap_or(Amount::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_shares_of_a_cost_are_together_the_cost(cost in 0..u64::MAX, parts in prop::collection::vec(1..u64::MAX, 1..9)) {
            let cost = Cost { asset: "RUB".to_owned(), amount: Amount::from(cost) };
            let add = |sum: Amount, part: &u64| sum.saturating_add(Amount::from(*part));
            let granted = parts.iter().fold(Amount::ZERO, add);
            let (mut used, mut told) = (Amount::ZERO, Amount::ZERO);
            for part in parts.iter().map(|part| Amount::from(*part)) {
                told = told.saturating_add(cost.share(granted, used, part));
                used = used.saturating_add(part);
            }
            prop_assert_eq!(told, cost.amount);
        }
    }
}
