use alloy::primitives::{Address, B256, U256};

use crate::chain::ChainError;

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
    /// The token has no EIP-2612 permit that we could prepare.
    #[error("the token takes no permit ({0}); use approval")]
    TokenWithoutPermit(&'static str),
    /// The permit was signed by somebody else, or over something else.
    #[error("the permit is not signed by {0} over this value, deadline and nonce")]
    PermitSigner(Address),
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
