//! Everything the mirror says of a chain, as lines of text.

use anyhow::{Result, bail};
use billing_core::ids::ChainId;
use sqlx::PgPool;

/// Tables, and which of their rows count. Times of insertion and the id of the chain are left out.
const TABLES: [(&str, &str); 8] = [
    ("chain_log", "true"),
    ("chain_event_sequence", "last_sequence > 0"),
    ("billing_plan_state", "true"),
    ("billing_subscription_state", "true"),
    ("billing_native_deposit", "true"),
    ("billing_marketplace_sale", "true"),
    ("billing_listing_revocation", "true"),
    ("chain_cursor", "true"),
];
/// Differing rows that are told.
const TOLD: usize = 12;

/// Where the mirror of one chain stands.
#[derive(Clone, Copy)]
pub struct Fold<'a> {
    pub pool: &'a PgPool,
    pub chain_id: ChainId,
}

impl Fold<'_> {
    /// Compares row for row.
    pub async fn assert_is(self, expected: Self) -> Result<()> {
        for (table, counted) in TABLES {
            let (mine, theirs) = (self.digest(table, counted).await?, expected.digest(table, counted).await?);
            if mine == theirs {
                continue;
            }
            let (mine, theirs) = (self.rows(table, counted).await?, expected.rows(table, counted).await?);
            bail!(
                "{table} has {} rows, of a fresh fold {}\nonly in the mirror: {:#?}\nonly in the fold: {:#?}",
                mine.len(),
                theirs.len(),
                only_in_first(&mine, &theirs),
                only_in_first(&theirs, &mine),
            );
        }
        Ok(())
    }

    async fn digest(self, table: &str, counted: &str) -> Result<(i64, Option<String>)> {
        let sql = format!(
            "select count(*), md5(string_agg(line, e'\\n' order by line)) from ({}) rows",
            lines(table, counted)
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(self.chain_id).fetch_one(self.pool).await?)
    }

    async fn rows(self, table: &str, counted: &str) -> Result<Vec<String>> {
        let sql = format!("{} order by 1", lines(table, counted));
        Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(self.chain_id).fetch_all(self.pool).await?)
    }
}

fn lines(table: &str, counted: &str) -> String {
    // When a cursor was moved is the clock's, and what is final follows from how the chain came; not so with states.
    let other = if table == "chain_cursor" { " - 'updated_at' - 'final_block'" } else { "" };
    format!(
        "select (to_jsonb(entry) - 'chain_id'{other})::text as line from {table} as entry where chain_id = $1 and {counted}"
    )
}

fn only_in_first(first: &[String], second: &[String]) -> Vec<String> {
    first.iter().filter(|row| second.binary_search(row).is_err()).take(TOLD).cloned().collect()
}
