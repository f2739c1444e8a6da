use alloy::primitives::{Address, B256, U256};

use crate::chain::{ChainError, PermitError};

/// Why there is nothing to sign or send.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The plan was never created on this chain.
    #[error("plan {0} does not exist on this chain")]
    PlanNotFound(B256),
    /// Closed to new subscribers, inactive or frozen.
    #[error("plan {0} takes no new subscribers")]
    PlanNotOpen(B256),
    /// The wallet has this subscription.
    #[error("{0} is subscribed already")]
    AlreadySubscribed(Address),
    /// There is nothing to cancel.
    #[error("{0} has no subscription to this plan that could be cancelled")]
    NotSubscribed(Address),
    /// There is nothing to pause or to switch from.
    #[error("{0} has no active subscription to this plan")]
    NotActive(Address),
    /// There is nothing to resume.
    #[error("{0} has no paused subscription to this plan")]
    NotPaused(Address),
    /// It is paid in a token of the subscriber's choice, whose bound is signed anew for another plan.
    #[error("it is paid in another token than the plan's; switch by a mandate that replaces it")]
    MandateRequired,
    /// The deposit holds less than is to be withdrawn.
    #[error("the deposit holds {available} wei, {required} are to be withdrawn")]
    InsufficientDeposit {
        /// Wanted, wei.
        required: U256,
        /// Deposited, wei.
        available: U256,
    },
    /// A native plan is paid from a deposit, a token plan by approval or permit.
    #[error("this plan is paid {0}")]
    WrongAuthorization(&'static str),
    /// Periods out of range.
    #[error("periods must be from 1 to 120")]
    Periods,
    /// The wallet holds less than the first charge needs.
    #[error("the wallet holds {available}, the first charge takes {required} (smallest units)")]
    InsufficientBalance {
        /// First charge.
        required: U256,
        /// Wallet's.
        available: U256,
    },
    /// There is no permit, or it is not theirs.
    #[error(transparent)]
    Permit(PermitError),
    /// Too late to be mined.
    #[error("the permit's deadline has passed")]
    PermitExpired,
    /// Less than the first charge.
    #[error("the permit's value is below the price {0}")]
    PermitValue(U256),
    /// A node's.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl From<PermitError> for SubscribeError {
    fn from(error: PermitError) -> Self {
        match error {
            PermitError::Chain(error) => Self::Chain(error),
            error => Self::Permit(error),
        }
    }
}
