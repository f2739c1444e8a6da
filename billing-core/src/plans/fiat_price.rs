use alloy::primitives::B256;
use billing_fiat::{Currency, Money};
use sqlx::{PgConnection, PgExecutor};

use super::{PlanError, repo};

/// Sets what a period of a plan costs in fiat money. Who agreed to another price before keeps it.
///
/// # Errors
/// The database's.
pub async fn set_fiat_price(conn: &mut PgConnection, plan_hash: B256, price: Money) -> Result<(), PlanError> {
    Ok(repo::put_fiat_price(conn, plan_hash, price).await?)
}

/// What a period of a plan costs, in each currency that it has a price in.
///
/// # Errors
/// The database's.
pub async fn fiat_prices(conn: impl PgExecutor<'_>, plan_hash: B256) -> Result<Vec<Money>, PlanError> {
    let stored = repo::fiat_prices(conn, plan_hash).await?;
    let price = |(code, minor): (String, i64)| Money::new(minor, code.parse().ok()?).ok();
    Ok(stored.into_iter().filter_map(price).collect())
}

/// What a period of a plan costs in a currency.
///
/// # Errors
/// The database's.
pub async fn fiat_price(
    conn: impl PgExecutor<'_>,
    plan_hash: B256,
    currency: Currency,
) -> Result<Option<Money>, PlanError> {
    Ok(fiat_prices(conn, plan_hash).await?.into_iter().find(|price| price.currency() == currency))
}
