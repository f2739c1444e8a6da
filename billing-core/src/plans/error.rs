use alloy::primitives::B256;

use crate::chain::ChainError;

/// A field of the terms that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The field's name in requests.
    pub field: &'static str,
    /// What to change.
    pub problem: String,
}

/// Why a plan was not taken. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Terms that cannot be; every field at fault.
    #[error("{}", .0.iter().map(|invalid| format!("{}: {}", invalid.field, invalid.problem)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
    /// The signature is not the merchant's over these terms.
    #[error("signature: {0}")]
    Signature(String),
    /// Nobody signed or created it here.
    #[error("no plan {0}")]
    NotFound(B256),
    /// A node's or a key's.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}
