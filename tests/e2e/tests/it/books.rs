//! What our database says, for the tests to hold against the chain.

use anyhow::Result;
use e2e::Stack;
use sqlx::Row;

/// Charges that the mirror has seen, those and our attempts that came to none of them, and attempts that a receipt settled
/// and the mirror has not confirmed.
pub async fn charges(stack: &Stack) -> Result<(i64, i64, i64)> {
    let row = sqlx::query(
        "select seen as confirmed, seen + open as all, unconfirmed
         from (select count(*) as seen from billing_charge) as charge,
              (select count(*) filter (where confirmed_block is null) as open,
                      count(*) filter (where status = 'settled' and confirmed_block is null) as unconfirmed
               from billing_charge_attempt) as attempt",
    )
    .fetch_one(stack.database.pool())
    .await?;
    Ok((row.get("confirmed"), row.get("all"), row.get("unconfirmed")))
}
