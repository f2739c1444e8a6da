//! Listings and sales as they are shown.

use alloy::primitives::{Address, B256};
use serde::Serialize;
use time::OffsetDateTime;

use crate::{ids::ChainId, money::TokenAmount};

/// A signed listing and where it stands on each of its chains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingView {
    /// The same on every chain.
    pub listing_hash: B256,
    /// Who is paid.
    pub seller: Address,
    /// The only buyer; none for anyone.
    pub buyer: Option<Address>,
    /// Zero for the native coin.
    pub token: Address,
    /// One unit, smallest unit of the token.
    pub price: TokenAmount,
    /// What is sold.
    pub sku: B256,
    /// Units on each chain.
    pub quantity: i64,
    /// Highest fee the seller accepts.
    pub max_fee_bps: i32,
    /// Off the price while the discount holds.
    pub discount_bps: i32,
    /// Units from which the discount holds.
    pub discount_min_quantity: i64,
    /// Last second of the discount.
    #[serde(with = "time::serde::rfc3339::option")]
    pub discount_ends_at: Option<OffsetDateTime>,
    /// Decimal.
    pub salt: TokenAmount,
    /// Last second of the listing.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expiry_at: Option<OffsetDateTime>,
    /// Each chain that it names.
    pub chains: Vec<ListingChainView>,
}

/// A listing on one chain, as the mirror knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingChainView {
    /// The chain.
    pub chain_id: ChainId,
    /// Units sold of the seller's listings of this salt.
    pub sold: i64,
    /// Units left; zero once revoked.
    pub left: i64,
    /// The seller took it back.
    pub revoked: bool,
}

/// Which listings to list.
#[derive(Clone, Debug, Default)]
pub struct ListingFilter {
    /// Named by the listing.
    pub chain_id: Option<ChainId>,
    /// Of this seller.
    pub seller: Option<Address>,
    /// Of this SKU.
    pub sku: Option<B256>,
}

/// A purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaleView {
    /// Its chain.
    pub chain_id: ChainId,
    /// What was bought.
    pub listing_hash: B256,
    /// Who was paid.
    pub seller: Address,
    /// Who paid.
    pub buyer: Address,
    /// Whom the goods are for.
    pub recipient: Address,
    /// What was sold.
    pub sku: B256,
    /// Units.
    pub quantity: i64,
    /// Zero for the native coin.
    pub payment_token: Address,
    /// What the buyer paid.
    pub gross: TokenAmount,
    /// What was taken off before.
    pub discount: TokenAmount,
    /// The platform's part of `gross`.
    pub fee: TokenAmount,
    /// The transaction.
    pub tx_hash: B256,
    /// Its block.
    pub block_number: i64,
    /// Place among the block's logs.
    pub log_index: i64,
    /// The block's time.
    #[serde(with = "time::serde::rfc3339")]
    pub sold_at: OffsetDateTime,
}

/// Which sales to list.
#[derive(Clone, Debug, Default)]
pub struct SaleFilter {
    /// On this chain.
    pub chain_id: Option<ChainId>,
    /// Of this seller.
    pub seller: Option<Address>,
    /// By this buyer.
    pub buyer: Option<Address>,
    /// Of this listing.
    pub listing_hash: Option<B256>,
    /// Of this SKU.
    pub sku: Option<B256>,
}

/// Where a page of sales begins: behind this place.
pub type SalePlace = (ChainId, i64, i64);
