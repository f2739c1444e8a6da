use alloy::primitives::{Address, B256, Bytes, U256};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use billing_core::{
    chain::Rpc,
    ids::ChainId,
    marketplace::{self, ListingError, ListingTerms, SignedListing},
    money::TokenAmount,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{auth::Admin, extract::Body, problem::Problem, state::AppState};

/// Terms of a listing, and in a second request the seller's signature over them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateListing {
    /// Chains on which it may be bought; 1 to 32. `quantity` counts on each of them apart.
    chain_ids: Vec<u64>,
    /// Who signs and is paid.
    #[schema(value_type = String)]
    seller: Address,
    /// The only buyer; anyone when absent.
    #[schema(value_type = Option<String>)]
    buyer: Option<Address>,
    /// ERC-20, or zero for the native coin.
    #[schema(value_type = String)]
    token: Address,
    /// One unit's price in the token's smallest unit, decimal.
    #[schema(value_type = String, example = "10000000")]
    price: TokenAmount,
    /// What is sold, as the seller names it; 32 bytes.
    #[schema(value_type = String)]
    sku: B256,
    /// Units that may be sold; 1 to 4,294,967,294.
    quantity: u32,
    /// Highest platform fee in 1/10,000 of what is paid.
    max_fee_bps: u16,
    /// Off the price, in 1/10,000, while the discount holds.
    #[serde(default)]
    discount_bps: u16,
    /// Units in one purchase from which the discount holds.
    #[serde(default)]
    discount_min_quantity: u32,
    /// Last second of the discount.
    #[serde(default, with = "time::serde::rfc3339::option")]
    discount_ends_at: Option<OffsetDateTime>,
    /// Names the listing among its seller's; decimal or 0x-hex. When absent the answer has the seller's next one, to be
    /// repeated with the signature. Listings of one salt share one count of sold units.
    #[schema(value_type = Option<String>, example = "1")]
    salt: Option<U256>,
    /// Last second of the listing.
    #[serde(default, with = "time::serde::rfc3339::option")]
    expiry_at: Option<OffsetDateTime>,
    /// The seller's, over `typed_data` of the first answer.
    #[schema(value_type = Option<String>)]
    signature: Option<Bytes>,
}

/// What is to be signed.
#[derive(Debug, Serialize, ToSchema)]
struct ListingToSign {
    /// `signature_required`.
    status: &'static str,
    #[schema(value_type = String)]
    listing_hash: B256,
    /// Decimal; repeat it with the signature.
    salt: String,
    /// For `eth_signTypedData_v4`.
    #[schema(value_type = Object)]
    typed_data: serde_json::Value,
}

/// A listing that may be bought from now on.
#[derive(Debug, Serialize, ToSchema)]
struct ListingStored {
    /// `stored`.
    status: &'static str,
    #[schema(value_type = String)]
    listing_hash: B256,
}

/// Takes a seller's listing
///
/// Without `signature` no listing is stored: the answer is what the seller signs. With it, the listing is stored and may be
/// bought; no transaction is needed. Repeating the request does nothing twice.
#[utoipa::path(post, path = "/v1/billing/admin/listings", tag = "marketplace", request_body = CreateListing,
    security(("service_token" = [])),
    responses(
        (status = OK, description = "to be signed", body = ListingToSign),
        (status = CREATED, description = "stored", body = ListingStored),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn create_listing(
    State(state): State<AppState>,
    Admin(service): Admin,
    Body(request): Body<CreateListing>,
) -> Result<Response, Problem> {
    let (signature, salt) = (request.signature.clone(), request.salt);
    let mut terms = terms(request)?;
    marketplace::check(&terms, OffsetDateTime::now_utc())?;
    let chains: Vec<&Rpc> = terms.chain_ids.iter().filter_map(|chain_id| state.chain(*chain_id)).collect();
    let contract = marketplace_of(&chains)?;
    let Some(signature) = signature else {
        if salt.is_none() {
            terms.salt = marketplace::next_salt(&mut *state.pool.acquire().await?, terms.seller, terms.sku).await?;
        }
        return Ok(Json(ListingToSign {
            status: "signature_required",
            listing_hash: marketplace::hash(&terms, contract),
            salt: terms.salt.to_string(),
            typed_data: marketplace::typed_data(&terms, contract),
        })
        .into_response());
    };
    if salt.is_none() {
        return Err(Problem::field("salt", "must be that of the signed terms"));
    }
    let listing_hash = marketplace::hash(&terms, contract);
    let signature = verify(&terms, &signature, &chains).await?;
    let listing = SignedListing { terms, listing_hash, signature };
    marketplace::store(&mut *state.pool.acquire().await?, &listing).await?;
    let seller = listing.terms.seller;
    tracing::info!(target: "audit", service = %service.name, %listing_hash, %seller, "create listing");
    Ok((StatusCode::CREATED, Json(ListingStored { status: "stored", listing_hash })).into_response())
}

fn terms(request: CreateListing) -> Result<ListingTerms, Problem> {
    let chain_ids = request.chain_ids.into_iter().map(ChainId::try_from).collect::<Result<_, _>>();
    // The contract knows whole seconds.
    let whole = |at: OffsetDateTime| at.replace_nanosecond(0).unwrap_or(at);
    Ok(ListingTerms {
        chain_ids: chain_ids.map_err(|_| Problem::field("chain_ids", "holds a number that is no chain id"))?,
        seller: request.seller,
        buyer: request.buyer,
        token: request.token,
        price: request.price,
        sku: request.sku,
        quantity: request.quantity,
        max_fee_bps: request.max_fee_bps,
        discount_bps: request.discount_bps,
        discount_min_quantity: request.discount_min_quantity,
        discount_ends_at: request.discount_ends_at.map(whole),
        salt: request.salt.unwrap_or_default(),
        expiry_at: request.expiry_at.map(whole),
    })
}

/// The one address at which all listed chains have the `Marketplace`: the listing's hash holds it.
fn marketplace_of(chains: &[&Rpc]) -> Result<Address, Problem> {
    let addresses: Vec<_> = chains.iter().filter_map(|rpc| rpc.network.marketplace()).collect();
    let Some(first) = addresses.first() else {
        return Err(Problem::field("chain_ids", "holds no chain of this service with a marketplace"));
    };
    if addresses.iter().any(|address| address != first) {
        return Err(Problem::field("chain_ids", "holds chains whose contracts stand at different addresses"));
    }
    Ok(*first)
}

/// A contract that signs may stand on some of the chains only; a node that fails leaves open whether on its chain.
async fn verify(terms: &ListingTerms, signature: &[u8], chains: &[&Rpc]) -> Result<Bytes, Problem> {
    let mut refused = None;
    let mut unknown = None;
    for rpc in chains.iter().filter(|rpc| rpc.network.marketplace().is_some()) {
        match marketplace::verify(terms, signature, rpc).await {
            Ok(signature) => return Ok(signature),
            Err(error @ ListingError::Signature(_)) => refused = Some(error),
            Err(error) => unknown = Some(error),
        }
    }
    let error = unknown.or(refused);
    Err(error.map_or_else(|| Problem::field("signature", "could not be verified"), Problem::from))
}
