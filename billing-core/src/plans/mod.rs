//! Plans: terms that a merchant signed once, and where each stands on each chain.
//!
//! Invariant: what is stored was signed by its merchant; a plan's terms never change, other terms are another hash.

mod calls;
mod error;
mod repo;
mod signature;
pub mod state;
pub(crate) mod state_repo;
mod terms;

use alloy::primitives::{B256, Bytes};
use sqlx::{PgConnection, PgExecutor};

pub use calls::{create_call, exists_on_chain, freeze_call, status_call, terms_on_chain, uri_call};
pub use error::{Invalid, PlanError};
pub use signature::{sign, verify};
pub use state::{PlanChange, PlanEvent, PlanState, PlanStatus};
pub use terms::{PlanTerms, check, domain, hash, typed_data};

use crate::chain::Rpc;

/// Terms with their merchant's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPlan {
    /// What was signed.
    pub terms: PlanTerms,
    /// EIP-712 digest of the terms.
    pub plan_hash: B256,
    /// Where the plan is described; not part of what is signed.
    pub uri: String,
    /// The merchant's.
    pub signature: Bytes,
}

/// Whether a plan was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It was.
    Stored,
    /// It stood there already; signature and URI of the first time stay.
    Known,
}

/// Keeps a signed plan. The caller has verified the signature.
///
/// # Errors
/// The database's.
pub async fn store(conn: &mut PgConnection, plan: &SignedPlan) -> Result<StoreOutcome, PlanError> {
    Ok(if repo::insert(conn, plan).await? { StoreOutcome::Stored } else { StoreOutcome::Known })
}

/// A signed plan by its hash.
///
/// # Errors
/// The database's.
pub async fn find(conn: impl PgExecutor<'_>, plan_hash: B256) -> Result<Option<SignedPlan>, PlanError> {
    Ok(repo::find(conn, plan_hash).await?)
}

/// Compares what we know of each plan of a network with the contract; one line per difference. Repairs nothing: the
/// mirror is a fold of events, and a difference means that one is missing or that it is behind.
///
/// # Errors
/// A node's, the database's.
pub async fn reconcile(conn: &mut PgConnection, rpc: &Rpc) -> Result<Vec<String>, PlanError> {
    let mut differences = Vec::new();
    for (plan_hash, mirrored) in repo::known_on(conn, rpc.network.chain_id).await? {
        let on_chain = terms_on_chain(rpc, plan_hash).await?;
        let found = on_chain.and_then(|terms| Some((PlanStatus::from_number(terms.status)?.as_str(), terms.frozen)));
        let mirrored = mirrored.as_ref().map(|(status, frozen)| (status.as_str(), *frozen));
        if found != mirrored {
            differences.push(format!(
                "{}: plan {plan_hash}: {} on chain, {} in the mirror",
                rpc.network.name,
                described(found),
                described(mirrored)
            ));
        }
    }
    Ok(differences)
}

fn described(state: Option<(&str, bool)>) -> String {
    match state {
        None => "absent".to_owned(),
        Some((status, false)) => status.to_owned(),
        Some((status, true)) => format!("{status} and frozen"),
    }
}
