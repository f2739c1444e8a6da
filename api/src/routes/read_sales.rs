#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use alloy::primitives::{Address, B256};
use axum::{Json, extract::State};
use billing_core::{
    ids::ChainId,
    marketplace::{self, SaleFilter, SaleView},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{cursor, schema};
use crate::{extract::QueryOf, problem::Problem, state::AppState};

/// Which sales.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SalesQuery {
    /// Only on this chain.
    chain_id: Option<i64>,
    /// Only this seller's.
    #[param(value_type = Option<String>)]
    seller: Option<Address>,
    /// Only this buyer's.
    #[param(value_type = Option<String>)]
    buyer: Option<Address>,
    /// Only of this listing.
    #[param(value_type = Option<String>)]
    listing_hash: Option<B256>,
    /// Only of this SKU.
    #[param(value_type = Option<String>)]
    sku: Option<B256>,
    /// 1 to 100; 50 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of sales.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SalesPage {
    #[schema(value_type = Vec<schema::Sale>)]
    sales: Vec<SaleView>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Lists sales by chain and place on it
#[utoipa::path(get, path = "/v1/billing/sales", tag = "marketplace", params(SalesQuery),
    responses(
        (status = OK, body = SalesPage),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_sales(
    State(state): State<AppState>,
    QueryOf(query): QueryOf<SalesQuery>,
) -> Result<Json<SalesPage>, Problem> {
    let limit = cursor::limit(query.limit)?;
    let after = cursor::sale(query.cursor.as_deref())?;
    let filter = SaleFilter {
        chain_id: query.chain_id.map(ChainId),
        seller: query.seller,
        buyer: query.buyer,
        listing_hash: query.listing_hash,
        sku: query.sku,
    };
    let mut sales = marketplace::sales_page(&state.pool, &filter, after, limit + 1).await?;
    let next_cursor = cursor::cut(&mut sales, limit)
        .map(|last| format!("{}.{}.{}", last.chain_id, last.block_number, last.log_index));
    Ok(Json(SalesPage { sales, next_cursor }))
}
