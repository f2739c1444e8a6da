//! What somebody has been given and has not used up.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    super::{Amount, LedgerError},
    Category, Cost, grant_repo,
};
use crate::ids::GrantId;

/// A grant as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The grant.
    pub id: GrantId,
    /// What it is of.
    pub asset: String,
    /// Digits of the asset behind the point.
    pub scale: i16,
    /// Paid or promotional.
    pub category: Category,
    /// Lower ones are spent first.
    pub priority: u8,
    /// `None`: at once.
    pub effective_at: Option<OffsetDateTime>,
    /// `None`: never.
    pub expires_at: Option<OffsetDateTime>,
    /// Kinds of products that it pays for; empty for all.
    pub applies_to: Vec<String>,
    /// How much was given.
    pub granted: Amount,
    /// Neither spent nor held; of one that expired, what expired.
    pub left: Amount,
    /// Held, those whose time is over left out.
    pub held: Amount,
    /// What all of it cost.
    pub cost: Option<Cost>,
}

/// The grants of an owner that are not used up, by asset, in the order of consumption; those to come and those that expired too.
///
/// # Errors
/// The database's.
pub async fn holdings(conn: &mut PgConnection, owner: &str) -> Result<Vec<Holding>, LedgerError> {
    Ok(grant_repo::holdings(conn, owner).await?)
}
