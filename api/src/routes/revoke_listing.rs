use alloy::primitives::B256;
use axum::{Json, extract::State};
use billing_core::marketplace::{self, Revoked};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    listings::listing_of,
    plans::{Payload, RefusedCall, chain_of, payload},
};
use crate::{
    auth::Admin,
    extract::{Body, PathOf},
    problem::Problem,
    state::AppState,
};

/// What is to be taken back, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    /// Only on this chain; on every chain of this service that the listing names when absent.
    chain_id: Option<u64>,
    #[serde(default)]
    scope: Scope,
}

/// How much is taken back.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// The listing, and others of its salt.
    #[default]
    Listing,
    /// All listings of its SKU that the seller signed here up to now, and all older ones.
    Sku,
}

/// Calls for the seller's wallet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revocations {
    #[schema(value_type = String)]
    listing_hash: B256,
    txn_payloads: Vec<Payload>,
    /// Calls that a chain would refuse, or that could not be tried: most often it is revoked already.
    refused: Vec<RefusedCall>,
}

/// Makes the calls that take a listing back
///
/// Only the seller may revoke, so the answer is what the seller's wallet sends, one call per chain.
#[utoipa::path(post, path = "/v1/billing/admin/listings/{listing_hash}/revoke", tag = "marketplace",
    request_body = Revoke, security(("service_token" = [])), params(("listing_hash" = String, Path)),
    responses(
        (status = OK, body = Revocations),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn revoke_listing(
    State(state): State<AppState>,
    Admin(service): Admin,
    PathOf(listing_hash): PathOf<B256>,
    Body(request): Body<Revoke>,
) -> Result<Json<Revocations>, Problem> {
    let listing = listing_of(&state, listing_hash).await?;
    let terms = &listing.terms;
    let mut chains: Vec<_> = terms.chain_ids.iter().filter_map(|chain_id| state.chain(*chain_id)).collect();
    if let Some(only) = request.chain_id {
        let only = chain_of(&state, only)?.network.chain_id;
        chains.retain(|rpc| rpc.network.chain_id == only);
    }
    if chains.is_empty() {
        return Err(Problem::field("chain_id", "is not a chain of the listing"));
    }
    let revoked = match request.scope {
        Scope::Listing => Revoked::Listing { salt: terms.salt },
        Scope::Sku => marketplace::whole_sku(&state.pool, &listing).await?,
    };
    tracing::info!(target: "audit", service = %service.name, %listing_hash, scope = ?request.scope, "revoke listing");
    let each = chains.into_iter().filter_map(|rpc| {
        let call = marketplace::revoke_call(rpc.network.marketplace()?, revoked);
        Some(async move { (rpc, payload(rpc, terms.seller, call).await) })
    });
    let mut revocations = Revocations { listing_hash, txn_payloads: Vec::new(), refused: Vec::new() };
    for (rpc, result) in join_all(each).await {
        match result {
            Ok(payload) => revocations.txn_payloads.push(payload),
            Err(error) => revocations.refused.push(RefusedCall::new(rpc, &error)),
        }
    }
    Ok(Json(revocations))
}
