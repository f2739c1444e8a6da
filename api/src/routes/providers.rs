use axum::{Json, extract::State};
use billing_core::ids::ChainId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Problem, state::AppState};

/// A rail that money comes by, and what it can do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Provider {
    /// A chain: asked for by `chain_id`.
    Chain {
        /// Name of the network.
        provider_id: String,
        #[schema(value_type = i64)]
        chain_id: ChainId,
        /// Subscriptions are sent for wallets without a coin for gas.
        relays: bool,
        /// Listings are sold there.
        marketplace: bool,
    },
    /// A company that takes fiat money: asked for by `provider`.
    Fiat {
        provider_id: String,
        /// Methods can be kept, and pay where a wallet cannot.
        saved_methods: bool,
        /// Money can be held before it is taken.
        two_stage: bool,
        /// It registers receipts under 54-FZ.
        receipts: bool,
        /// It tells of disputes.
        disputes: bool,
    },
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Providers {
    providers: Vec<Provider>,
}

/// Lists the rails that money comes by
///
/// Chains in the order of the networks file, then companies. Requests name a chain by its `chain_id`, a company by its `provider_id`.
#[utoipa::path(get, path = "/v1/billing/providers", tag = "payments",
    responses(
        (status = OK, body = Providers),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_providers(State(state): State<AppState>) -> Json<Providers> {
    let chains = state.chains.iter().map(|rpc| Provider::Chain {
        provider_id: rpc.network.name.clone(),
        chain_id: rpc.network.chain_id,
        relays: state.relayer.is_some(),
        marketplace: !rpc.network.marketplace.is_zero(),
    });
    let fiat = state.providers.iter().map(|provider| {
        let can = provider.capabilities();
        Provider::Fiat {
            provider_id: provider.name().to_owned(),
            saved_methods: can.saved_methods,
            two_stage: can.two_stage,
            receipts: can.receipts,
            disputes: can.disputes,
        }
    });
    Json(Providers { providers: chains.chain(fiat).collect() })
}
