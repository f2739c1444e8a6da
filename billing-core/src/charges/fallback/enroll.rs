//! Agreeing to a fallback.

use billing_fiat::{Buyer, Money};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::fallback_repo;
use crate::{
    ids::{PaymentMethodId, SubscriptionKey},
    payments::ReceiptTerms,
};

/// What somebody agreed to: this method pays a period of this subscription when the chain cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// The subscription.
    pub key: SubscriptionKey,
    /// Whose method it is.
    pub owner: String,
    /// The method.
    pub method: PaymentMethodId,
    /// One period.
    pub price: Money,
    /// What the payer reads on each payment; up to 128 characters.
    pub description: String,
    /// Where receipts go.
    pub buyer: Buyer,
    /// The receipt's line, where one must be registered.
    pub receipt: Option<ReceiptTerms>,
}

/// Why a fallback was not agreed to.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The mirror knows no such subscription, or it is over.
    #[error("there is no such subscription that is charged")]
    NoSubscription,
    /// Not that owner's, or ended.
    #[error("there is no such method of that owner")]
    NoMethod,
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Writes what was agreed to, in place of what was before.
///
/// # Errors
/// `NoSubscription`, `NoMethod`; the database's.
pub async fn enroll(conn: &mut PgConnection, fallback: &Fallback) -> Result<(), EnrollError> {
    if !fallback_repo::is_charged(conn, &fallback.key).await? {
        return Err(EnrollError::NoSubscription);
    }
    if fallback_repo::put(conn, fallback).await? { Ok(()) } else { Err(EnrollError::NoMethod) }
}

/// Ends it. A payment that is under way goes on. False when there was none.
///
/// # Errors
/// The database's.
pub async fn end(conn: &mut PgConnection, key: &SubscriptionKey, now: OffsetDateTime) -> Result<bool, EnrollError> {
    Ok(fallback_repo::end(conn, key, now).await?)
}

/// What was agreed to and not ended.
///
/// # Errors
/// The database's.
pub async fn find(conn: &mut PgConnection, key: &SubscriptionKey) -> Result<Option<Fallback>, EnrollError> {
    Ok(fallback_repo::find(conn, key).await?)
}
