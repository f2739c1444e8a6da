use alloy::primitives::{Address, B256};
use axum::{Json, extract::State};
use billing_core::marketplace::{self, BuyRequest, BuySteps, Pays, Price};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    listings::listing_of,
    plans::{Payload, chain_of},
    subscribe::{Permit, signed},
    time_of::now_on,
};
use crate::{
    extract::{Body, PathOf},
    problem::Problem,
    state::AppState,
};

/// How the price is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Authorizes {
    /// An ERC-20 allowance, set by a transaction of its own.
    Approval,
    /// The chain's native coin, sent along.
    Native,
    /// An ERC-20 allowance, set by a signature (ERC-2612).
    Permit,
}

/// A wallet's wish to buy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Buy {
    chain_id: u64,
    /// The wallet that pays and sends.
    #[schema(value_type = String)]
    buyer: Address,
    /// Units.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1)]
    quantity: u32,
    /// What to pay in, zero for the native coin; the listing's token when absent.
    #[schema(value_type = Option<String>)]
    payment_token: Option<Address>,
    /// How the price is let through: `native` for the native coin, which is sent along.
    authorization: Authorizes,
    /// The signed permit, in the second request of `permit`.
    permit: Option<Permit>,
    /// Whom the goods are for; the buyer when absent.
    #[schema(value_type = Option<String>)]
    recipient: Option<Address>,
    /// What the price in another token than the listing's may rise by until the purchase is mined, in 1/10,000.
    #[serde(default = "default_slippage")]
    #[schema(default = 100, maximum = 10000)]
    slippage_bps: u16,
}

fn one() -> u32 {
    1
}

fn default_slippage() -> u16 {
    100
}

/// What the purchase comes to, in the payment token's smallest unit, decimal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BuyPrice {
    /// What the wallet pays.
    gross: String,
    /// What was taken off before.
    discount: String,
    /// Most that the purchase takes when the price moves until it is mined.
    max_amount: String,
}

/// What the wallet does next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum BuyStep {
    /// Sign `typed_data` and send the request again with `permit`.
    SignatureRequired {
        price: BuyPrice,
        /// For `eth_signTypedData_v4`.
        #[schema(value_type = Object)]
        typed_data: serde_json::Value,
    },
    /// Send `approval` where there is one, then `txn_payload`.
    Ready {
        price: BuyPrice,
        /// Lets the contract take the price; null where nothing is missing.
        approval: Option<Payload>,
        /// The purchase itself.
        txn_payload: Payload,
    },
}

/// Makes what a wallet signs and sends to buy
///
/// Nothing is stored: the sale is there when the wallet's transaction is on the chain.
#[utoipa::path(post, path = "/v1/billing/listings/{listing_hash}/buy", tag = "marketplace", request_body = Buy,
    params(("listing_hash" = String, Path)),
    responses(
        (status = OK, body = BuyStep),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn buy_listing(
    State(state): State<AppState>,
    PathOf(listing_hash): PathOf<B256>,
    Body(request): Body<Buy>,
) -> Result<Json<BuyStep>, Problem> {
    let rpc = chain_of(&state, request.chain_id)?;
    let listing = listing_of(&state, listing_hash).await?;
    let request = BuyRequest {
        buyer: request.buyer,
        quantity: request.quantity,
        payment_token: request.payment_token.unwrap_or(listing.terms.token),
        pays: pays(request.authorization, request.permit)?,
        recipient: request.recipient,
        slippage_bps: request.slippage_bps,
    };
    let (price, steps) = marketplace::buy(rpc, &listing, &request, now_on(rpc).await?).await?;
    let price = shown(&price);
    Ok(Json(match steps {
        BuySteps::SignPermit { typed_data } => BuyStep::SignatureRequired { price, typed_data },
        BuySteps::Send { approval, buy } => {
            BuyStep::Ready { price, approval: approval.map(|approval| (*approval).into()), txn_payload: (*buy).into() }
        }
    }))
}

fn shown(price: &Price) -> BuyPrice {
    BuyPrice {
        gross: price.gross.to_string(),
        discount: price.discount.to_string(),
        max_amount: price.max_amount.to_string(),
    }
}

fn pays(authorization: Authorizes, permit: Option<Permit>) -> Result<Pays, Problem> {
    match (authorization, permit) {
        (Authorizes::Permit, permit) => Ok(Pays::Permit(permit.map(signed).transpose()?)),
        (_, Some(_)) => Err(Problem::field("permit", "goes with the authorization permit only")),
        (Authorizes::Approval, None) => Ok(Pays::Approval),
        (Authorizes::Native, None) => Ok(Pays::Native),
    }
}
