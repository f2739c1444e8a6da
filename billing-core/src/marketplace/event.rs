//! What the chain tells about sales: each event is a row of its own, so that undoing is deleting.

use alloy::primitives::{Address, B256, U256};

use crate::{log_point::LogPoint, money::TokenAmount};

/// A purchase that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleEvent {
    /// EIP-712 digest of the listing's terms.
    pub listing_hash: B256,
    /// Who was paid `gross - fee`.
    pub seller: Address,
    /// Who paid.
    pub buyer: Address,
    /// Whom the goods are for.
    pub recipient: Address,
    /// What was sold, as the seller names it.
    pub sku: B256,
    /// Units.
    pub quantity: u32,
    /// What was paid in; zero for the native coin.
    pub payment_token: Address,
    /// What the buyer paid, smallest unit.
    pub gross: TokenAmount,
    /// What was taken off before `gross`.
    pub discount: TokenAmount,
    /// The platform's part of `gross`.
    pub fee: TokenAmount,
}

/// Listings that a seller sells no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Those of one salt.
    Listing {
        /// The salt.
        salt: U256,
    },
    /// Those of one SKU with a salt below `min_salt`.
    Sku {
        /// The SKU.
        sku: B256,
        /// Lowest salt that is still good.
        min_salt: U256,
    },
}

/// A revocation that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationEvent {
    /// Whose listings.
    pub seller: Address,
    /// Which of them.
    pub revoked: Revoked,
}

/// An event of the marketplace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketplaceEvent {
    /// A purchase.
    Sale(SaleEvent),
    /// A revocation.
    Revocation(RevocationEvent),
}

/// An event with its place and its number among the contract's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedEvent {
    /// Where it stands.
    pub at: LogPoint,
    /// Its number.
    pub sequence: i64,
    /// What happened.
    pub event: MarketplaceEvent,
}
