use serde::Serialize;

/// Why a subscription was not charged. The numbers are the contract's (`ISubscriptionTypes.Reason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[repr(u8)]
pub enum Reason {
    /// The chain knows no such plan.
    NoPlan = 1,
    /// The paid time is not over: charged already, or not yet open to this caller.
    NotDue = 2,
    /// Wallet or deposit holds less than the price.
    InsufficientBalance = 3,
    /// The merchant deactivated the plan, or the operator froze it.
    PlanInactive = 4,
    /// The wallet allows less than the price.
    InsufficientAllowance = 5,
    /// The token refused for a reason of its own.
    TransferFailed = 6,
    /// Cancelled, ended, or never there.
    NotSubscribed = 7,
    /// Paused by the subscriber.
    Paused = 8,
    /// The last try on chain failed and its delay is not over.
    RetryPending = 9,
    /// The subscriber's own limit is reached.
    Ended = 10,
    /// In the token that the subscriber chose, the price is above what was signed for one period.
    AboveMaximum = 11,
    /// The price in that token is not known now: a stale or faulty feed, a token not accepted.
    QuoteUnavailable = 12,
}

impl Reason {
    /// By the contract's number; `None` for zero (charged) and numbers of a later contract.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::NoPlan,
            2 => Self::NotDue,
            3 => Self::InsufficientBalance,
            4 => Self::PlanInactive,
            5 => Self::InsufficientAllowance,
            6 => Self::TransferFailed,
            7 => Self::NotSubscribed,
            8 => Self::Paused,
            9 => Self::RetryPending,
            10 => Self::Ended,
            11 => Self::AboveMaximum,
            12 => Self::QuoteUnavailable,
            _ => return None,
        })
    }

    /// The contract's number.
    #[must_use]
    pub fn number(self) -> i16 {
        i16::from(self as u8)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_contracts() {
        for number in 0..=u8::MAX {
            match Reason::from_number(number) {
                Some(reason) => assert_eq!(reason.number(), i16::from(number)),
                None => assert!(number == 0 || number > 12),
            }
        }
    }
}
