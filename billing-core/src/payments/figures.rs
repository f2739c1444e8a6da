//! What operators look at: how much is open, and what waits for a person.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Payment, PaymentError, Status, figures_repo, reconcile_repo};
use crate::ids::{PaymentId, RefundId};

/// Of one provider, now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Payments that are not decided, by status; of each status, how many and the age of the oldest in seconds.
    pub open: Vec<(Status, i64, i64)>,
    /// Refunds that are not decided.
    pub open_refunds: i64,
    /// Payments and refunds of which an answer contradicts our row.
    pub troubles: i64,
    /// Receipts that the provider canceled.
    pub receipts_canceled: i64,
    /// Notifications that are kept and not attended to yet.
    pub notifications_waiting: i64,
    /// Notifications that were attended to in vain, and are left alone.
    pub notifications_given_up: i64,
    /// When payments were last compared with the provider's, and how many differences of each kind there were.
    pub compared: Option<(OffsetDateTime, Vec<(String, i64)>)>,
}

/// Of one provider.
///
/// # Errors
/// The database's.
pub async fn figures(pool: &PgPool, provider: &str) -> Result<Figures, PaymentError> {
    let mut figures = figures_repo::counts(pool, provider).await?;
    figures.open = figures_repo::open(pool, provider).await?;
    figures.compared = reconcile_repo::latest(pool, provider).await?;
    Ok(figures)
}

/// Which payments.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this owner's.
    pub owner: Option<String>,
    /// Only through this provider.
    pub provider: Option<String>,
    /// Only in this status.
    pub status: Option<Status>,
}

/// Payments, the latest first.
///
/// # Errors
/// The database's.
pub async fn list(pool: &PgPool, filter: &Filter, limit: i64) -> Result<Vec<Payment>, PaymentError> {
    Ok(figures_repo::list(pool, filter, limit).await?)
}

/// What waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Name of the provider.
    pub provider: String,
    /// Whose money it is.
    pub owner: String,
    /// The payment.
    pub payment: PaymentId,
    /// The refund of it that it is about.
    pub refund: Option<RefundId>,
    /// What is the matter.
    pub what: String,
    /// When it was seen.
    pub seen_at: OffsetDateTime,
}

/// Payments and refunds that an answer contradicts, and receipts that were canceled; the oldest first.
///
/// # Errors
/// The database's.
pub async fn troubles(pool: &PgPool) -> Result<Vec<Trouble>, PaymentError> {
    Ok(figures_repo::troubles(pool).await?)
}
