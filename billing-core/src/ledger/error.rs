//! What is no answer.

use crate::ids::AccountId;

/// Something else than an answer. After the database's nobody knows whether anything was written: ask again with the same ids. As long as the
/// server is still at work on what was lost, a refusal of the same is not its last word.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// An asset's digits never change.
    #[error("asset {asset} has {stored} digits")]
    OtherScale {
        /// The asset.
        asset: String,
        /// Its digits.
        stored: i16,
    },
    /// The id stands for an account of another asset, kind, owner or limit.
    #[error("account {0} is another one")]
    OtherAccount(AccountId),
    /// What is posted in a caller's transaction is locked, read and written by several statements.
    #[error("the connection is in no transaction")]
    NoTransaction,
    /// Again and again somebody else wrote one of the ids at the same time, between other accounts. Nothing was written.
    #[error("other transactions write the same ids")]
    Interfered,
    /// The writer's session ended before it knew. Nobody knows whether anything was written.
    #[error("the ledger's writer lost its session; ask again with the same id")]
    Lost,
    /// The task of the writer ended. Nobody knows whether anything was written.
    #[error("the ledger's writer ended")]
    WriterGone,
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl LedgerError {
    /// Whether nothing was written, for sure: the server said so while it was still there.
    pub(super) fn wrote_nothing(&self) -> bool {
        match self {
            Self::Db(error) => error.as_database_error().is_some(),
            Self::Lost | Self::WriterGone => false,
            Self::OtherScale { .. } | Self::OtherAccount(_) | Self::NoTransaction | Self::Interfered => true,
        }
    }
}
