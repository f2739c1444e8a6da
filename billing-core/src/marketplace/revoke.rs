//! Calls with which a seller takes listings back.

use alloy::{
    primitives::{Address, U256},
    sol_types::SolCall,
};
use billing_bindings::Marketplace::{revokeListingCall, revokeSkuCall};
use sqlx::PgExecutor;

use super::{Revoked, SignedListing, repo};
use crate::chain::CallRequest;

/// Revokes; the seller may.
#[must_use]
pub fn revoke_call(marketplace: Address, revoked: Revoked) -> CallRequest {
    let (data, purpose) = match revoked {
        Revoked::Listing { salt } => (revokeListingCall { salt }.abi_encode(), format!("revoke_listing:{salt}")),
        Revoked::Sku { sku, min_salt } => {
            (revokeSkuCall { sku, minSalt: min_salt }.abi_encode(), format!("revoke_sku:{sku}"))
        }
    };
    CallRequest { to: marketplace, data: data.into(), value: U256::ZERO, purpose }
}

/// All listings of this one's SKU that its seller signed here up to now, and all older ones.
///
/// # Errors
/// The database's.
pub async fn whole_sku(conn: impl PgExecutor<'_>, listing: &SignedListing) -> sqlx::Result<Revoked> {
    let terms = &listing.terms;
    let last = repo::last_salt_of_sku(conn, terms.seller, terms.sku).await?.unwrap_or(terms.salt).max(terms.salt);
    Ok(Revoked::Sku { sku: terms.sku, min_salt: last.saturating_add(U256::ONE) })
}
