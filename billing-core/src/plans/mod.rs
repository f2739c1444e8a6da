//! Plans: terms that a merchant signed once, and where each stands on each chain.
//!
//! Invariant: what is stored was signed by its merchant; a plan's terms never change, other terms are another hash.

mod calls;
mod error;
mod fiat_price;
mod repo;
mod signature;
pub mod state;
pub(crate) mod state_repo;
mod terms;

use alloy::primitives::{B256, Bytes};
use sqlx::{PgConnection, PgExecutor};

pub use calls::{create_call, exists_on_chain, freeze_call, status_call, terms_on_chain, uri_call};
pub use error::{Invalid, PlanError};
pub use fiat_price::{fiat_price, fiat_prices, set_fiat_price};
pub use signature::{sign, verify};
pub use state::{PlanChange, PlanEvent, PlanState, PlanStatus};
pub use terms::{PlanTerms, check, domain, hash, typed_data};

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
