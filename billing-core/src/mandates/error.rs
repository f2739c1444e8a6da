use alloy::primitives::{Address, B256, U256};

use crate::{
    chain::{ChainError, PermitError},
    subscriptions::SubscribeError,
};

/// Why there is nothing to sign, or nothing was sent and it is not known what would have become of it.
#[derive(Debug, thiserror::Error)]
pub enum MandateError {
    /// A field of the mandate cannot be; its name in requests, and what to change.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// What the wallet says it signed is incomplete.
    #[error("goes with payment_token, max_amount, nonce and deadline as they were signed")]
    Unsigned,
    /// The account that sends would sign for itself.
    #[error("{0} is the account that sends; it cannot be a subscriber here")]
    OwnAccount(Address),
    /// All nonces that are looked at are used.
    #[error("{0} has used too many nonces; choose one")]
    NoNonce(Address),
    /// In the token chosen, the price is above what is to be signed, or not known.
    #[error("plan {plan_hash} cannot be priced in {token}: {reason}")]
    NoQuote {
        /// The plan.
        plan_hash: B256,
        /// What it was to be paid in.
        token: Address,
        /// The gateway's.
        reason: String,
    },
    /// Less than the price now.
    #[error("max_amount {max_amount} is below the price of now, {price}")]
    BelowPrice {
        /// Of the request.
        max_amount: U256,
        /// Smallest unit of the payment token.
        price: U256,
    },
    /// As for subscriptions that a wallet sends itself.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// A node's.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl From<PermitError> for MandateError {
    fn from(error: PermitError) -> Self {
        Self::Subscribe(error.into())
    }
}
