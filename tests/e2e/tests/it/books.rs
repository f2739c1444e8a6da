//! What our database says, for the tests to hold against the chain.

use anyhow::Result;
use e2e::Stack;
use sqlx::Row;

/// Settled charges that the mirror confirmed, all charges, and settled charges that nobody confirmed.
pub async fn charges(stack: &Stack) -> Result<(i64, i64, i64)> {
    let row = sqlx::query(
        "select count(*) filter (where status = 'settled' and confirmed_block is not null) as confirmed,
                count(*) as all,
                count(*) filter (where status = 'settled' and confirmed_block is null) as unconfirmed
         from billing_charge_attempt",
    )
    .fetch_one(stack.database.pool())
    .await?;
    Ok((row.get("confirmed"), row.get("all"), row.get("unconfirmed")))
}
