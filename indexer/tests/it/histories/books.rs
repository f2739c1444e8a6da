//! The databases of the histories of one test.

use anyhow::{Result, ensure};
use sqlx::PgPool;
use test_support::Database;

/// The databases of a test; each history finds them empty.
pub struct Books {
    pub mirror: Database,
    /// Where a mirror is made at once, to compare with.
    pub reference: Database,
}

impl Books {
    pub async fn new() -> Self {
        Self { mirror: Database::new().await, reference: Database::new().await }
    }

    pub async fn empty(&self) -> Result<()> {
        let sql = "truncate chain_log, chain_cursor, chain_block, chain_event_sequence, chain_undo, chain_log_orphan,
                            chain_halt, outbox, billing_plan_state, billing_subscription_state, billing_native_deposit,
                            billing_charge_attempt, billing_marketplace_sale, billing_listing_revocation cascade";
        for database in [&self.mirror, &self.reference] {
            sqlx::query(sql).execute(database.pool()).await?;
        }
        Ok(())
    }
}

/// How many reorganisations were undone. What they took back is kept, each log of it.
pub async fn undone(pool: &PgPool) -> Result<i64> {
    let (undone, told, kept): (i64, i64, i64) = sqlx::query_as(
        "select count(*), coalesce(sum(logs), 0)::bigint, (select count(*) from chain_log_orphan) from chain_undo",
    )
    .fetch_one(pool)
    .await?;
    ensure!(told == kept, "{told} logs were taken back and {kept} are kept");
    Ok(undone)
}
