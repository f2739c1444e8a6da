//! What the routes of the marketplace share.

use alloy::primitives::B256;
use axum::http::StatusCode;
use billing_core::{
    chain::PermitError,
    marketplace::{self, BuyError, ListingError, SignedListing},
};

use crate::{
    problem::{FieldError, Problem},
    state::AppState,
};

/// The signed listing, or 404.
pub(super) async fn listing_of(state: &AppState, listing_hash: B256) -> Result<SignedListing, Problem> {
    marketplace::find(&state.pool, listing_hash).await?.ok_or_else(no_listing)
}

/// 404 for a listing.
pub(super) fn no_listing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "listing-not-found", "There is no such listing")
}

impl From<ListingError> for Problem {
    fn from(error: ListingError) -> Self {
        match error {
            ListingError::Signature(detail) => Self::field("signature", detail),
            ListingError::NoMarketplace(_) => Self::field("chain_ids", error),
            ListingError::Chain(error) => error.into(),
            ListingError::Db(error) => error.into(),
            ListingError::Invalid(invalid) => Self::invalid(
                invalid
                    .into_iter()
                    .map(|invalid| FieldError { field: invalid.field.to_owned(), problem: invalid.problem })
                    .collect(),
            ),
        }
    }
}

impl From<BuyError> for Problem {
    fn from(error: BuyError) -> Self {
        let conflict =
            |name, title, error: &BuyError| Self::new(StatusCode::CONFLICT, name, title).detail(error.to_string());
        match error {
            BuyError::Chain(error) | BuyError::Permit(PermitError::Chain(error)) => error.into(),
            BuyError::NotOnChain(_) => Self::field("chain_id", error),
            BuyError::Expired => conflict("listing-expired", "The listing is over", &error),
            BuyError::Revoked => conflict("listing-revoked", "The listing is revoked", &error),
            BuyError::SoldOut { .. } => conflict("sold-out", "Not so many units are left", &error),
            BuyError::NoQuote(_) => conflict("no-quote", "The price in this token is not known", &error),
            BuyError::InsufficientBalance { .. } => {
                conflict("insufficient-balance", "The wallet cannot pay the price", &error)
            }
            BuyError::NotForBuyer(_) => Self::field("buyer", error),
            BuyError::Quantity | BuyError::TooMuch => Self::field("quantity", error),
            BuyError::Slippage => Self::field("slippage_bps", error),
            BuyError::WrongAuthorization(_) | BuyError::Permit(PermitError::Unsupported(_)) => {
                Self::field("authorization", error)
            }
            BuyError::Permit(PermitError::Signer(_)) => Self::field("permit.signature", error),
            BuyError::PermitExpired => Self::field("permit.deadline", error),
            BuyError::PermitValue(_) => Self::field("permit.value", error),
        }
    }
}
