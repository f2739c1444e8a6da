//! What a subscriber set apart from the plan's terms.

use alloy::primitives::Address;

use crate::money::TokenAmount;

/// By which approval a subscription's token is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rail {
    /// The token's own, given to the manager.
    #[default]
    Allowance,
    /// Permit2's, given to the manager.
    Permit2,
}

impl Rail {
    /// The word in the database, in messages and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowance => "allowance",
            Self::Permit2 => "permit2",
        }
    }

    /// From the word; `None` for any other.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Allowance, Self::Permit2].into_iter().find(|rail| rail.as_str() == word)
    }

    /// From the number of the contract's `Rail`; `None` for one of a later contract.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Allowance),
            1 => Some(Self::Permit2),
            _ => None,
        }
    }

    /// The contract's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Allowance => 0,
            Self::Permit2 => 1,
        }
    }
}

/// Terms of a mandate (or of a subscription by Permit2) that a subscription lives under. One without any is paid in the
/// plan's token by the token's own allowance, without a limit of charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnTerms {
    /// Approval that the charges use.
    pub rail: Rail,
    /// What is paid in; the plan's token, or another one. Zero for the native coin.
    pub payment_token: Address,
    /// Highest amount of one period, smallest unit of `payment_token`.
    pub max_amount: TokenAmount,
    /// Count of charges at which it has ended; `None` for no limit.
    pub charge_limit: Option<i32>,
}
