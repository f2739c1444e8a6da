//! Sales of listings that sellers sign off chain.
//!
//! Invariant: what is stored was signed by its seller; a listing's terms never change, other terms are another hash.

mod buy;
mod error;
pub mod event;
pub(crate) mod event_repo;
mod page;
mod page_repo;
mod price;
mod repo;
mod revoke;
mod signature;
mod state;
mod terms;

use alloy::primitives::{Address, B256, Bytes, U256};
use sqlx::{PgConnection, PgExecutor};

pub use buy::{BuyRequest, BuySteps, Pays, buy};
pub use error::{BuyError, Invalid, ListingError};
pub use event::{MarketplaceEvent, PlacedEvent, RevocationEvent, Revoked, SaleEvent};
pub use page::{ListingChainView, ListingFilter, ListingView, SaleFilter, SalePlace, SaleView};
pub use page_repo::{listing, listings_page, sales_page};
pub use price::{Price, price};
pub use revoke::{revoke_call, whole_sku};
pub use signature::verify;
pub(crate) use state::REVOKED;
pub use state::{ListingState, state_on_chain};
pub use terms::{ListingTerms, check, domain, hash, typed_data};

/// Terms with their seller's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedListing {
    /// What was signed.
    pub terms: ListingTerms,
    /// EIP-712 digest of the terms.
    pub listing_hash: B256,
    /// The seller's.
    pub signature: Bytes,
}

/// Whether a listing was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It was.
    Stored,
    /// It stood there already; the signature of the first time stays.
    Known,
}

/// Keeps a signed listing. The caller has verified the signature.
///
/// # Errors
/// The database's.
pub async fn store(conn: &mut PgConnection, listing: &SignedListing) -> sqlx::Result<StoreOutcome> {
    Ok(if repo::insert(conn, listing).await? { StoreOutcome::Stored } else { StoreOutcome::Known })
}

/// A signed listing by its hash.
///
/// # Errors
/// The database's.
pub async fn find(conn: impl PgExecutor<'_>, listing_hash: B256) -> sqlx::Result<Option<SignedListing>> {
    repo::find(conn, listing_hash).await
}

/// A salt for a new listing of this seller, never given before. Salts follow each other, so that eight of them share one
/// counter word on chain, and stand above what the seller revoked of the SKU, as far as the mirrors know.
///
/// # Errors
/// `Invalid` when the SKU is revoked so high that no salt follows; the database's.
pub async fn next_salt(conn: &mut PgConnection, seller: Address, sku: B256) -> Result<U256, ListingError> {
    let at_least = repo::min_salt(conn, seller, sku).await?;
    if at_least.bit_len() > 128 {
        let problem = "is revoked for all salts that could be given; use another, or name a salt".to_owned();
        return Err(ListingError::Invalid(vec![Invalid { field: "sku", problem }]));
    }
    Ok(repo::take_salt(conn, seller, at_least).await?)
}
