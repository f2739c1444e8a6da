use alloy::{primitives::B256, signers::local::PrivateKeySigner};
use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    chain::{ChainError, Rpc, tx},
    plans, views,
};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plans::{Transaction, TransactionStatus, chain_of};
use crate::{
    auth::Support,
    extract::{Body, PathOf},
    problem::Problem,
    state::AppState,
};

/// Whether a plan is to be stopped.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FreezePlan {
    /// True stops billing and new subscriptions, false lets them go on.
    frozen: bool,
    /// Only on this chain; on every chain where the plan stands when absent.
    chain_id: Option<u64>,
}

/// The operator's transactions, one per chain.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Frozen {
    #[schema(value_type = String)]
    plan_hash: B256,
    frozen: bool,
    transactions: Vec<Transaction>,
}

/// Freezes a plan, or lets it go on
///
/// For the roles `billing_admin` and `support`. Chains that are as asked already answer `exists`.
#[utoipa::path(post, path = "/v1/billing/admin/plans/{plan_hash}/freeze", tag = "plans", request_body = FreezePlan,
    security(("service_token" = [])), params(("plan_hash" = String, Path)),
    responses(
        (status = ACCEPTED, body = Frozen),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn freeze_plan(
    State(state): State<AppState>,
    Support(service): Support,
    PathOf(plan_hash): PathOf<B256>,
    Body(request): Body<FreezePlan>,
) -> Result<(StatusCode, Json<Frozen>), Problem> {
    let Some(operator) = &state.operator else {
        return Err(Problem::not_configured("freezing needs BILLING_OPERATOR_KEY"));
    };
    let frozen = request.frozen;
    let chains = chains(&state, plan_hash, request.chain_id).await?;
    tracing::info!(target: "audit", service = %service.name, %plan_hash, frozen, chain_id = request.chain_id, "freeze plan");
    let state = &state;
    let each = chains.into_iter().map(|rpc| async move {
        let sent = submit(state, rpc, operator, plan_hash, frozen).await;
        sent.unwrap_or_else(|error| Transaction::failed(rpc, &error))
    });
    let transactions = join_all(each).await;
    Ok((StatusCode::ACCEPTED, Json(Frozen { plan_hash, frozen, transactions })))
}

/// The chains of ours where the plan stands.
async fn chains(state: &AppState, plan_hash: B256, only: Option<u64>) -> Result<Vec<&Rpc>, Problem> {
    let plan = views::plan(&state.pool, plan_hash).await?.ok_or_else(Problem::no_plan)?;
    if let Some(only) = only {
        return Ok(vec![chain_of(state, only)?]);
    }
    let chains: Vec<_> = plan.chains.iter().filter_map(|chain| state.chain(chain.chain_id)).collect();
    if chains.is_empty() {
        return Err(Problem::new(StatusCode::CONFLICT, "plan-on-no-chain", "The plan stands on no chain yet"));
    }
    Ok(chains)
}

async fn submit(
    state: &AppState,
    rpc: &Rpc,
    operator: &PrivateKeySigner,
    plan_hash: B256,
    frozen: bool,
) -> Result<Transaction, ChainError> {
    let chain_id = rpc.network.chain_id;
    let call = plans::freeze_call(&rpc.network, plan_hash, frozen);
    let undo = plans::freeze_call(&rpc.network, plan_hash, !frozen);
    let purposes = [call.purpose.as_str(), undo.purpose.as_str()];
    match tx::last_pending(&state.pool, rpc, operator.address(), &purposes).await? {
        Some((purpose, hash)) if purpose == call.purpose => {
            return Ok(Transaction { tx_hash: Some(hash), ..Transaction::new(chain_id, TransactionStatus::Pending) });
        }
        // The chain will be the other way round when that one is mined.
        Some(_) => {}
        None => {
            let on_chain = plans::terms_on_chain(rpc, plan_hash).await?;
            if on_chain.is_some_and(|terms| terms.frozen == frozen) {
                return Ok(Transaction::new(chain_id, TransactionStatus::Exists));
            }
        }
    }
    let gas = tx::estimate_gas(rpc, operator.address(), &call).await?;
    let sent = tx::submit(&state.pool, rpc, operator, &call, gas).await?;
    Ok(Transaction { tx_hash: Some(sent.hash), ..Transaction::new(chain_id, TransactionStatus::Submitted) })
}
