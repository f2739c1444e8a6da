use crate::chain::ChainError;

/// Why a run stopped. What it had stored stays true; the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// A node's, a key's or a cap's.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
    /// The mirror stands still until an operator acts: what is due by it may not be due.
    #[error("network {network} is halted, and nothing is charged there: {reason}")]
    Halted {
        /// Name in the networks file.
        network: String,
        /// Why the mirror stands still.
        reason: String,
    },
    /// An answer of the contract that this version does not understand.
    #[error("network {network}: {what}; the contract is of another version than this program")]
    Contract {
        /// Name in the networks file.
        network: String,
        /// What was not understood.
        what: String,
    },
}
