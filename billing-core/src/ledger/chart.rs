//! The chart of accounts: those of the house, one of each kind for an asset.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{LedgerError, NewAccount, open_accounts};
use crate::ids::{AccountId, TransferId};

/// An account of the house, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum House<'a> {
    /// Credits sold: what customers were given for money.
    Sold,
    /// Credits given for nothing.
    Given,
    /// What was used.
    Revenue,
    /// What expired unused.
    Breakage,
    /// Corrections by people, each with its reason.
    Adjustments,
    /// What nobody can explain yet: it must return to zero.
    Suspense,
    /// Money that customers paid ahead.
    Prepaid,
    /// What providers keep for themselves.
    Fees,
    /// Money that a provider has for us, by its name.
    Rail(&'a str),
}

impl House<'_> {
    /// Those that every asset of credits has.
    pub const OF_CREDITS: [Self; 6] =
        [Self::Sold, Self::Given, Self::Revenue, Self::Breakage, Self::Adjustments, Self::Suspense];
    /// Those that every currency has, beside its rails.
    pub const OF_MONEY: [Self; 4] = [Self::Prepaid, Self::Fees, Self::Adjustments, Self::Suspense];

    /// As it is stored: `revenue`, `rail:yookassa`.
    #[must_use]
    pub fn kind(&self) -> String {
        let kind = match self {
            Self::Sold => "sold",
            Self::Given => "given",
            Self::Revenue => "revenue",
            Self::Breakage => "breakage",
            Self::Adjustments => "adjustments",
            Self::Suspense => "suspense",
            Self::Prepaid => "prepaid",
            Self::Fees => "fees",
            Self::Rail(name) => return format!("rail:{name}"),
        };
        kind.to_owned()
    }

    /// Its account for `asset`: always the same.
    #[must_use]
    pub fn account(&self, asset: &str) -> AccountId {
        AccountId(named(&["house", asset, &self.kind()]))
    }
}

/// Opens accounts of the house for an asset; those that are open already stay as they are.
///
/// # Errors
/// As [`open_accounts`].
pub async fn open_house(conn: &mut PgConnection, asset: &str, accounts: &[House<'_>]) -> Result<(), LedgerError> {
    let account = |house: &House<'_>| NewAccount {
        id: house.account(asset),
        asset: asset.to_owned(),
        kind: house.kind(),
        owner: None,
        limited: None,
    };
    open_accounts(conn, &accounts.iter().map(account).collect::<Vec<_>>()).await
}

impl TransferId {
    /// The id of a transfer that there is one of for what it is for: who books it again books nothing. No part holds a zero byte.
    #[must_use]
    pub fn named(parts: &[&str]) -> Self {
        Self(named(parts))
    }
}

/// An id that follows from what it is for (UUID version 8, RFC 9562, of SHA-256). No part holds a zero byte.
pub(super) fn named(parts: &[&str]) -> Uuid {
    let digest: [u8; 32] = Sha256::digest(parts.join("\0")).into();
    uuid::Builder::from_custom_bytes(std::array::from_fn(|at| digest[at])).into_uuid()
}
