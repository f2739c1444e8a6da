//! Corruptions planted into a right mirror, found and named.

use anyhow::Result;
use billing_core::chain::Network;
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{Chain, Database};

use crate::world::{eventful_history, networks, once};

struct Corruption {
    what: &'static str,
    plant: &'static str,
    /// Beginnings and ends of lines that name it.
    named: &'static [&'static str],
    /// Whether a pass over the stored logs mends it.
    mendable: bool,
}

const CORRUPTIONS: [Corruption; 7] = [
    Corruption {
        what: "a subscription is due on another day",
        plant: "update billing_subscription_state set next_charge_at = next_charge_at + interval '1 day'
                 where ctid = (select min(ctid) from billing_subscription_state)",
        named: &["subscription 0x", "next_charge_at: mirror", "its row is not what its logs say"],
        mendable: true,
    },
    Corruption {
        what: "a plan's row is gone",
        plant: "set session_replication_role = replica;
                delete from billing_plan_state where ctid = (select min(ctid) from billing_plan_state);
                set session_replication_role = origin",
        named: &["plan 0x", "its row is missing"],
        mendable: true,
    },
    Corruption {
        what: "a deposit is larger",
        plant: "update billing_native_deposit set balance = balance + 1
                 where ctid = (select min(ctid) from billing_native_deposit)",
        named: &["deposit of 0x", "balance: mirror"],
        mendable: true,
    },
    Corruption {
        what: "somebody subscribed who did not",
        plant: "insert into billing_subscription_state
                select (jsonb_populate_record(state, jsonb_build_object('subscriber', '\\xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee'))).*
                  from billing_subscription_state as state limit 1",
        named: &["of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE", "there is no log of it"],
        mendable: true,
    },
    Corruption {
        what: "a log is gone",
        plant: "delete from chain_log where sequence = 2 and address = (
                    select address from chain_log where sequence > 5 limit 1)",
        named: &["contract 0x", "missing: 2"],
        mendable: false,
    },
    Corruption {
        what: "a log says something else",
        plant: "update chain_log set data = overlay(data placing '\\xff' from 64)
                 where topic0 = '\\x9a01f3a942e8231aac1c78302526213e6d2e305445407650f722de175a378451' and sequence = 1",
        named: &["plan 0x", "its row is not what its logs say"],
        mendable: false,
    },
    Corruption {
        what: "an event was counted that never was",
        plant: "update chain_event_sequence set last_sequence = last_sequence + 1",
        named: &["contract 0x", "events: mirror"],
        mendable: false,
    },
];

#[tokio::test]
async fn every_planted_corruption_is_named_and_rows_are_mended() -> Result<()> {
    let chain = Chain::start(31_337).await?;
    eventful_history(&chain).await?;
    let networks = networks(&[&chain], 64)?;
    for corruption in &CORRUPTIONS {
        let database = Database::new().await;
        let pool = database.pool();
        once(pool, networks.clone()).await?;
        assert_eq!(verified(pool, &networks).await.1, "", "before anything is planted");
        let planted = sqlx::raw_sql(AssertSqlSafe(corruption.plant)).execute(pool).await?;
        assert!(planted.rows_affected() > 0, "{}: nothing planted", corruption.what);

        let (report, error) = verified(pool, &networks).await;

        assert!(error.contains("the mirror differs"), "{}: {report}", corruption.what);
        for words in corruption.named {
            assert!(report.contains(words), "{}: {words:?} is not in\n{report}", corruption.what);
        }
        if corruption.mendable {
            let mut mended = Vec::new();
            billing_indexer::reindex(pool, &networks, &mut mended).await?;
            let mended = String::from_utf8(mended)?;
            assert!(mended.contains(", 1 rows were wrong"), "{}: {mended}", corruption.what);
            assert_eq!(verified(pool, &networks).await.1, "", "{}: mended", corruption.what);
        }
    }
    Ok(())
}

#[tokio::test]
async fn projections_are_made_anew_from_nothing_but_logs() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    eventful_history(&chain).await?;
    let networks = networks(&[&chain], 64)?;
    once(database.pool(), networks.clone()).await?;
    let tables = ["billing_subscription_state", "billing_plan_state", "billing_native_deposit"];
    let mut before = Vec::new();
    for table in tables {
        before.push(rows(database.pool(), table).await?);
        sqlx::query(AssertSqlSafe(format!("delete from {table}"))).execute(database.pool()).await?;
    }
    drop(chain);

    billing_indexer::reindex(database.pool(), &networks, std::io::sink()).await?;

    for (table, before) in tables.into_iter().zip(before) {
        assert!(!before.is_empty(), "{table}");
        assert_eq!(rows(database.pool(), table).await?, before, "{table}");
    }
    Ok(())
}

async fn rows(pool: &PgPool, table: &str) -> Result<Vec<String>> {
    let sql = format!("select (to_jsonb(t) - 'updated_at')::text as row from {table} as t order by 1");
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await?)
}

/// What was printed, and the error.
async fn verified(pool: &PgPool, networks: &[Network]) -> (String, String) {
    let mut report = Vec::new();
    let verified = billing_indexer::verify(pool, networks.to_vec(), &mut report).await;
    (String::from_utf8_lossy(&report).into_owned(), verified.err().map(|e| e.to_string()).unwrap_or_default())
}
