use alloy::primitives::{Address, U256};

use crate::{
    chain::{ChainError, PermitError},
    ids::ChainId,
};

/// A field of the terms that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The field's name in requests.
    pub field: &'static str,
    /// What to change.
    pub problem: String,
}

/// Why a listing was not taken. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// Terms that cannot be; every field at fault.
    #[error("{}", .0.iter().map(|invalid| format!("{}: {}", invalid.field, invalid.problem)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
    /// The signature is not the seller's over these terms.
    #[error("signature: {0}")]
    Signature(String),
    /// Nothing is sold on this chain.
    #[error("no marketplace stands on chain {0}")]
    NoMarketplace(ChainId),
    /// A node's.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Why there is nothing to sign or send.
#[derive(Debug, thiserror::Error)]
pub enum BuyError {
    /// The listing does not name this chain, or nothing is sold there.
    #[error("the listing is not sold on chain {0}")]
    NotOnChain(ChainId),
    /// It is over.
    #[error("the listing is over")]
    Expired,
    /// The seller took it back on this chain.
    #[error("the seller revoked the listing on this chain")]
    Revoked,
    /// Less is left on this chain than asked for.
    #[error("{left} units are left on this chain")]
    SoldOut {
        /// Units left.
        left: u32,
    },
    /// It is somebody else's.
    #[error("the listing is for {0} only")]
    NotForBuyer(Address),
    /// Out of range.
    #[error("quantity must be at least 1")]
    Quantity,
    /// Out of range.
    #[error("slippage_bps must be at most 10000")]
    Slippage,
    /// Native coin is sent along, a token goes by approval or permit.
    #[error("{0}")]
    WrongAuthorization(&'static str),
    /// The gateway has no price for this now.
    #[error("the price in this token is not known: {0}")]
    NoQuote(String),
    /// A sale has to fit 96 bits.
    #[error("so many units cost more than one sale can be")]
    TooMuch,
    /// The wallet holds less than the price.
    #[error("the wallet holds {available}, the purchase takes {required} (smallest units)")]
    InsufficientBalance {
        /// Price.
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
    /// Less than the price.
    #[error("the permit's value is below the price {0}")]
    PermitValue(U256),
    /// A node's.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl From<PermitError> for BuyError {
    fn from(error: PermitError) -> Self {
        match error {
            PermitError::Chain(error) => Self::Chain(error),
            error => Self::Permit(error),
        }
    }
}
