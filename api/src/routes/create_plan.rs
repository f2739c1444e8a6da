use std::sync::Arc;

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    signers::local::PrivateKeySigner,
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use billing_core::{
    chain::{
        ChainError, Rpc,
        tx::{self, OnceOutcome},
    },
    ids::ChainId,
    money::TokenAmount,
    plans::{self, PlanError, PlanTerms, SignedPlan},
};
use futures::future::{join_all, try_join_all};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::plans::{Payload, Transaction, TransactionStatus, payload};
use crate::{auth::Admin, extract::Body, problem::Problem, state::AppState};

/// Terms of a plan, and in a second request the merchant's signature over them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatePlan {
    /// Chains on which the plan may stand; 1 to 32.
    chain_ids: Vec<u64>,
    /// Who signs and is paid.
    #[schema(value_type = String)]
    merchant: Address,
    /// ERC-20, or zero for the native coin.
    #[schema(value_type = String)]
    token: Address,
    /// One period's price in the token's smallest unit, decimal.
    #[schema(value_type = String, example = "10000000")]
    price: TokenAmount,
    /// Length of a period.
    period_secs: u32,
    /// Time before the first charge.
    #[serde(default)]
    trial_secs: u32,
    /// Highest platform fee in 1/10,000 of the price.
    max_fee_bps: u16,
    /// Makes otherwise equal plans distinct; decimal or 0x-hex.
    #[serde(default)]
    #[schema(value_type = String, example = "1")]
    salt: U256,
    /// Last instant at which the plan may be created on a chain.
    #[serde(default, with = "time::serde::rfc3339::option")]
    expiry_at: Option<OffsetDateTime>,
    /// Where the plan is described.
    uri: String,
    /// The merchant's, over `typed_data` of the first answer.
    #[schema(value_type = Option<String>)]
    signature: Option<Bytes>,
}

/// What is left to the caller.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum PlanStep {
    Sign(SignatureRequired),
    Send(PlanReady),
}

/// What is to be signed.
#[derive(Debug, Serialize, ToSchema)]
struct SignatureRequired {
    /// `signature_required`.
    status: &'static str,
    #[schema(value_type = String)]
    plan_hash: B256,
    /// For `eth_signTypedData_v4`.
    #[schema(value_type = Object)]
    typed_data: serde_json::Value,
}

/// The operator's transactions, one per listed chain.
#[derive(Debug, Serialize, ToSchema)]
struct PlanSubmitted {
    #[schema(value_type = String)]
    plan_hash: B256,
    transactions: Vec<Transaction>,
}

/// Calls for a wallet to send, where no operator's key is configured.
#[derive(Debug, Serialize, ToSchema)]
struct PlanReady {
    /// `ready`.
    status: &'static str,
    #[schema(value_type = String)]
    plan_hash: B256,
    txn_payloads: Vec<Payload>,
}

/// Creates a plan on every chain it lists
///
/// Without `signature` nothing is stored: the answer is what the merchant signs. With it, the plan is stored and created;
/// repeating the request does nothing twice and tries again what failed.
#[utoipa::path(post, path = "/v1/billing/admin/plans", tag = "plans", request_body = CreatePlan,
    security(("service_token" = [])),
    responses(
        (status = OK, description = "to be signed, or to be sent by a wallet", body = PlanStep),
        (status = ACCEPTED, description = "stored and sent", body = PlanSubmitted),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn create_plan(
    State(state): State<AppState>,
    Admin(service): Admin,
    Body(request): Body<CreatePlan>,
) -> Result<Response, Problem> {
    let (uri, signature) = (request.uri.clone(), request.signature.clone());
    let terms = terms(request)?;
    check(&terms, &uri)?;
    let chains: Vec<&Rpc> = terms.chain_ids.iter().filter_map(|chain_id| state.chain(*chain_id)).collect();
    let plan_manager = plan_manager(&chains)?;
    let plan_hash = plans::hash(&terms, plan_manager);
    let Some(signature) = signature else {
        let typed_data = plans::typed_data(&terms, plan_manager);
        let step = SignatureRequired { status: "signature_required", plan_hash, typed_data };
        return Ok(Json(PlanStep::Sign(step)).into_response());
    };
    let signature = verify(&terms, &signature, &chains).await?;
    let plan = SignedPlan { terms, plan_hash, uri, signature };
    plans::store(&mut *state.pool.acquire().await?, &plan).await?;
    tracing::info!(target: "audit", service = %service.name, %plan_hash, merchant = %plan.terms.merchant, "create plan");
    let Some(operator) = &state.operator else {
        let txn_payloads = payloads(&chains, &plan).await?;
        return Ok(Json(PlanStep::Send(PlanReady { status: "ready", plan_hash, txn_payloads })).into_response());
    };
    let transactions = submit_all(&state, operator, &plan).await;
    Ok((StatusCode::ACCEPTED, Json(PlanSubmitted { plan_hash, transactions })).into_response())
}

fn terms(request: CreatePlan) -> Result<PlanTerms, Problem> {
    let chain_ids = request.chain_ids.into_iter().map(ChainId::try_from).collect::<Result<_, _>>();
    Ok(PlanTerms {
        chain_ids: chain_ids.map_err(|_| Problem::field("chain_ids", "holds a number that is no chain id"))?,
        merchant: request.merchant,
        token: request.token,
        price: request.price,
        period_secs: request.period_secs,
        trial_secs: request.trial_secs,
        max_fee_bps: request.max_fee_bps,
        salt: request.salt,
        // The contract knows whole seconds.
        expiry_at: request.expiry_at.map(|at| at.replace_nanosecond(0).unwrap_or(at)),
    })
}

fn check(terms: &PlanTerms, uri: &str) -> Result<(), Problem> {
    if uri.chars().any(char::is_control) {
        return Err(Problem::field("uri", "holds a control character"));
    }
    Ok(plans::check(terms, uri, OffsetDateTime::now_utc())?)
}

/// The one address at which all listed chains have the `PlanManager`: the plan's hash holds it.
fn plan_manager(chains: &[&Rpc]) -> Result<Address, Problem> {
    let Some(first) = chains.first() else {
        return Err(Problem::field("chain_ids", "holds no chain of this service"));
    };
    let address = first.network.plan_manager;
    if chains.iter().any(|rpc| rpc.network.plan_manager != address) {
        return Err(Problem::field("chain_ids", "holds chains whose contracts stand at different addresses"));
    }
    Ok(address)
}

/// A contract that signs may stand on some of the chains only; a node that fails leaves open whether on its chain.
async fn verify(terms: &PlanTerms, signature: &[u8], chains: &[&Rpc]) -> Result<Bytes, Problem> {
    let mut refused = None;
    let mut unknown = None;
    for rpc in chains {
        match plans::verify(terms, signature, rpc).await {
            Ok(signature) => return Ok(signature),
            Err(error @ PlanError::Signature(_)) => refused = Some(error),
            Err(error) => unknown = Some(error),
        }
    }
    let error = unknown.or(refused);
    Err(error.map_or_else(|| Problem::field("signature", "could not be verified"), Problem::from))
}

async fn payloads(chains: &[&Rpc], plan: &SignedPlan) -> Result<Vec<Payload>, Problem> {
    let each = chains.iter().map(|rpc| async move {
        if plans::exists_on_chain(rpc, plan.plan_hash).await? {
            return Ok(None);
        }
        payload(rpc, plan.terms.merchant, plans::create_call(&rpc.network, plan)).await.map(Some)
    });
    let payloads = try_join_all(each).await.map_err(|error: ChainError| Problem::from(error))?;
    Ok(payloads.into_iter().flatten().collect())
}

async fn submit_all(state: &AppState, operator: &Arc<PrivateKeySigner>, plan: &SignedPlan) -> Vec<Transaction> {
    let each = plan.terms.chain_ids.iter().map(|chain_id| async move {
        let Some(rpc) = state.chain(*chain_id) else {
            return Transaction::new(*chain_id, TransactionStatus::NotConfigured);
        };
        submit(state, rpc, operator, plan).await.unwrap_or_else(|error| Transaction::failed(rpc, &error))
    });
    join_all(each).await
}

async fn submit(
    state: &AppState,
    rpc: &Rpc,
    operator: &PrivateKeySigner,
    plan: &SignedPlan,
) -> Result<Transaction, ChainError> {
    let chain_id = rpc.network.chain_id;
    if plans::exists_on_chain(rpc, plan.plan_hash).await? {
        return Ok(Transaction::new(chain_id, TransactionStatus::Exists));
    }
    let call = plans::create_call(&rpc.network, plan);
    let open = tx::last_pending(&state.pool, rpc, operator.address(), &[&call.purpose]).await?;
    if let Some((_, hash)) = open {
        return Ok(Transaction { tx_hash: Some(hash), ..Transaction::new(chain_id, TransactionStatus::Pending) });
    }
    let gas = tx::estimate_gas(rpc, operator.address(), &call).await?;
    let (status, hash) = match tx::submit_once(&state.pool, rpc, operator, &call, gas).await? {
        OnceOutcome::Submitted(sent) => (TransactionStatus::Submitted, sent.hash),
        OnceOutcome::Pending(hash) => (TransactionStatus::Pending, hash),
    };
    Ok(Transaction { tx_hash: Some(hash), ..Transaction::new(chain_id, status) })
}
