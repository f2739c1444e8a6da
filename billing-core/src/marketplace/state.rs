//! Where a listing stands on one chain, as the contract says.

use alloy::primitives::Address;
use billing_bindings::Marketplace;

use super::ListingTerms;
use crate::chain::{ChainError, Rpc};

/// What the contract counts of a listing on one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingState {
    /// It may be bought while units are left.
    Open {
        /// Units sold under its salt, those of other listings of that salt among them.
        sold: u32,
    },
    /// The seller took it back.
    Revoked,
}

/// What `soldOf` says of a revoked salt.
pub(crate) const REVOKED: u32 = u32::MAX;

/// Asks the contract.
///
/// # Errors
/// A node's.
pub async fn state_on_chain(rpc: &Rpc, marketplace: Address, terms: &ListingTerms) -> Result<ListingState, ChainError> {
    let contract = Marketplace::new(marketplace, &rpc.provider);
    let (sold, lowest) = (contract.soldOf(terms.seller, terms.salt), contract.minSaltOf(terms.seller, terms.sku));
    let (sold, lowest) = futures::join!(sold.call().into_future(), lowest.call().into_future());
    let (sold, lowest) = (sold.map_err(|e| rpc.error(&e))?, lowest.map_err(|e| rpc.error(&e))?);
    if sold == REVOKED || terms.salt < lowest {
        return Ok(ListingState::Revoked);
    }
    Ok(ListingState::Open { sold })
}
