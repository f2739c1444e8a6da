#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use alloy::primitives::{Address, B256};
use axum::{Json, extract::State};
use billing_core::{
    ids::ChainId,
    marketplace::{self, ListingFilter, ListingView},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{cursor, listings::no_listing, schema};
use crate::{
    extract::{PathOf, QueryOf},
    problem::Problem,
    state::AppState,
};

/// Which listings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListingsQuery {
    /// Only listings that name this chain.
    chain_id: Option<i64>,
    /// Only this seller's.
    #[param(value_type = Option<String>)]
    seller: Option<Address>,
    /// Only of this SKU.
    #[param(value_type = Option<String>)]
    sku: Option<B256>,
    /// 1 to 100; 50 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of listings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListingsPage {
    #[schema(value_type = Vec<schema::Listing>)]
    listings: Vec<ListingView>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Lists listings by hash
#[utoipa::path(get, path = "/v1/billing/listings", tag = "marketplace", params(ListingsQuery),
    responses(
        (status = OK, body = ListingsPage),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_listings(
    State(state): State<AppState>,
    QueryOf(query): QueryOf<ListingsQuery>,
) -> Result<Json<ListingsPage>, Problem> {
    let limit = cursor::limit(query.limit)?;
    let after = cursor::hash(query.cursor.as_deref())?;
    let filter = ListingFilter { chain_id: query.chain_id.map(ChainId), seller: query.seller, sku: query.sku };
    let mut listings = marketplace::listings_page(&state.pool, &filter, after, limit + 1).await?;
    let next_cursor = cursor::cut(&mut listings, limit).map(|last| last.listing_hash.to_string());
    Ok(Json(ListingsPage { listings, next_cursor }))
}

/// One listing
#[utoipa::path(get, path = "/v1/billing/listings/{listing_hash}", tag = "marketplace",
    params(("listing_hash" = String, Path)),
    responses(
        (status = OK, body = schema::Listing),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn read_listing(
    State(state): State<AppState>,
    PathOf(listing_hash): PathOf<B256>,
) -> Result<Json<ListingView>, Problem> {
    marketplace::listing(&state.pool, listing_hash).await?.map(Json).ok_or_else(no_listing)
}
