//! What a seller signs, and whether it can be.

use alloy::{
    primitives::{Address, B256, U256, aliases::U96},
    sol_types::{Eip712Domain, SolStruct},
};
use billing_bindings::IMarketplace::Listing;
use time::OffsetDateTime;

use super::{Invalid, ListingError};
use crate::{
    ids::ChainId,
    money::{MAX_BPS, TokenAmount},
};

/// Terms of a listing. Other terms are another listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingTerms {
    /// Chains on which it may be bought, 1 to 32, each once; `quantity` counts on each of them apart.
    pub chain_ids: Vec<ChainId>,
    /// Receiver of the price net of discount and fee; the signer.
    pub seller: Address,
    /// The only buyer; `None` for anyone.
    pub buyer: Option<Address>,
    /// What the price is in; zero for the native coin.
    pub token: Address,
    /// Price of one unit, smallest unit of `token`; 1 to 2^96 - 1.
    pub price: TokenAmount,
    /// What is sold, as the seller names it.
    pub sku: B256,
    /// Units that may be sold; 1 to 2^32 - 2.
    pub quantity: u32,
    /// Highest fee the seller accepts, in 1/10,000.
    pub max_fee_bps: u16,
    /// Off the price, in 1/10,000, while the discount holds.
    pub discount_bps: u16,
    /// Units in one purchase from which the discount holds.
    pub discount_min_quantity: u32,
    /// Last instant of the discount, whole seconds; `None` for no limit.
    pub discount_ends_at: Option<OffsetDateTime>,
    /// Names the listing among its seller's; listings of one salt share one count of sold units.
    pub salt: U256,
    /// Last instant of the listing, whole seconds; `None` for no limit.
    pub expiry_at: Option<OffsetDateTime>,
}

/// Chains of one listing at most, as in the contract.
const MAX_CHAINS: usize = 32;

/// What the contract refuses whoever buys, and what could never be bought.
///
/// # Errors
/// `Invalid`, with every field at fault and what to change.
pub fn check(terms: &ListingTerms, now: OffsetDateTime) -> Result<(), ListingError> {
    let mut invalid = Vec::new();
    let mut require = |good: bool, field: &'static str, problem: &str| {
        if !good {
            invalid.push(Invalid { field, problem: problem.to_owned() });
        }
    };
    let mut chains = terms.chain_ids.clone();
    chains.sort_unstable();
    chains.dedup();
    require((1..=MAX_CHAINS).contains(&terms.chain_ids.len()), "chain_ids", "list 1 to 32 chains");
    require(chains.len() == terms.chain_ids.len(), "chain_ids", "list each chain once");
    require(terms.chain_ids.iter().all(|id| id.0 > 0), "chain_ids", "chain ids are positive");
    require(!terms.seller.is_zero(), "seller", "must not be the zero address");
    require(terms.buyer.is_none_or(|buyer| !buyer.is_zero()), "buyer", "must not be the zero address; leave it out");
    require(!terms.price.0.is_zero(), "price", "must be at least 1");
    require(terms.price.0.bit_len() <= 96, "price", "must be below 2^96");
    require((1..u32::MAX).contains(&terms.quantity), "quantity", "must be from 1 to 4294967294");
    require(terms.max_fee_bps <= MAX_BPS, "max_fee_bps", "must be at most 10000");
    require(terms.discount_bps <= MAX_BPS, "discount_bps", "must be at most 10000");
    let held = |at: Option<OffsetDateTime>| at.is_none_or(|at| at > now);
    require(held(terms.discount_ends_at), "discount_ends_at", "must be in the future");
    require(held(terms.expiry_at), "expiry_at", "must be in the future");
    if invalid.is_empty() { Ok(()) } else { Err(ListingError::Invalid(invalid)) }
}

impl ListingTerms {
    /// As the contract takes them. Terms that [`check`] refuses may lose digits here.
    #[must_use]
    pub fn to_contract(&self) -> Listing {
        let seconds = |at: Option<OffsetDateTime>| at.map_or(0, |at| at.unix_timestamp().unsigned_abs());
        Listing {
            chainIds: self.chain_ids.iter().map(|id| U256::from(id.as_u64())).collect(),
            seller: self.seller,
            buyer: self.buyer.unwrap_or_default(),
            token: self.token,
            price: self.price.0.wrapping_to::<U96>(),
            sku: self.sku,
            quantity: self.quantity,
            maxFeeBps: self.max_fee_bps,
            discountBps: self.discount_bps,
            discountMinQuantity: self.discount_min_quantity,
            discountEndsAt: seconds(self.discount_ends_at),
            salt: self.salt,
            expiry: seconds(self.expiry_at),
        }
    }

    /// Discount of a purchase of so many units at unix second `now`, in 1/10,000.
    #[must_use]
    pub fn discount_at(&self, quantity: u32, now: u64) -> u16 {
        let over = self.discount_ends_at.is_some_and(|at| now > at.unix_timestamp().unsigned_abs());
        if quantity < self.discount_min_quantity || over { 0 } else { self.discount_bps }
    }

    /// Whether it is over at unix second `now`.
    #[must_use]
    pub fn expired_at(&self, now: u64) -> bool {
        self.expiry_at.is_some_and(|at| now > at.unix_timestamp().unsigned_abs())
    }
}

/// The domain that sellers sign under: no chain id, so that one signature serves every chain that the message lists.
#[must_use]
pub fn domain(marketplace: Address) -> Eip712Domain {
    Eip712Domain::new(Some("Abono".into()), Some("1".into()), None, Some(marketplace), None)
}

/// The listing's hash: the EIP-712 digest of its terms, equal on every chain.
#[must_use]
pub fn hash(terms: &ListingTerms, marketplace: Address) -> B256 {
    terms.to_contract().eip712_signing_hash(&domain(marketplace))
}

/// What `eth_signTypedData_v4` takes. Numbers are decimal strings: wallets read JSON numbers as doubles.
#[must_use]
pub fn typed_data(terms: &ListingTerms, marketplace: Address) -> serde_json::Value {
    let listing = terms.to_contract();
    let field = |name: &str, kind: &str| serde_json::json!({ "name": name, "type": kind });
    let chain_ids: Vec<String> = listing.chainIds.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"), field("version", "string"), field("verifyingContract", "address"),
            ],
            "Listing": [
                field("chainIds", "uint256[]"), field("seller", "address"), field("buyer", "address"),
                field("token", "address"), field("price", "uint96"), field("sku", "bytes32"),
                field("quantity", "uint32"), field("maxFeeBps", "uint16"), field("discountBps", "uint16"),
                field("discountMinQuantity", "uint32"), field("discountEndsAt", "uint64"), field("salt", "uint256"),
                field("expiry", "uint64"),
            ],
        },
        "primaryType": "Listing",
        "domain": { "name": "Abono", "version": "1", "verifyingContract": marketplace },
        "message": {
            "chainIds": chain_ids,
            "seller": listing.seller,
            "buyer": listing.buyer,
            "token": listing.token,
            "price": listing.price.to_string(),
            "sku": listing.sku,
            "quantity": listing.quantity.to_string(),
            "maxFeeBps": listing.maxFeeBps.to_string(),
            "discountBps": listing.discountBps.to_string(),
            "discountMinQuantity": listing.discountMinQuantity.to_string(),
            "discountEndsAt": listing.discountEndsAt.to_string(),
            "salt": listing.salt.to_string(),
            "expiry": listing.expiry.to_string(),
        },
    })
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
