//! How logs are kept: partitions, both ways of writing, orphans, the view of charges, and what the migration moved.

use std::collections::BTreeSet;

use alloy::primitives::{Address, U256};
use anyhow::Result;
use billing_core::{MIGRATOR, ids::ChainId, mirror::RawLog};
use proptest::prelude::*;
use sqlx::{PgConnection, PgPool, Row, migrate::Migrator};
use test_support::Database;
use time::OffsetDateTime;

use crate::{
    history::{History, SOURCE},
    mirror::{apply_from, block_choices, everything, grown, on_runtime, undo},
};

fn fail(error: anyhow::Error) -> TestCaseError {
    TestCaseError::fail(format!("{error:#}"))
}

fn logs(history: &History, from: i64) -> Vec<RawLog> {
    if from > history.height() { Vec::new() } else { history.stretch(from, history.height()).logs().to_vec() }
}

/// A partition of the chain from `from` to before `to`, as a chain with few blocks would never be given.
async fn partition(pool: &PgPool, from: i64, to: i64) -> Result<()> {
    let name = format!("small_{from}");
    let statements = [
        format!("create table {name} (like chain_log including all)"),
        format!("alter table chain_log attach partition {name} for values from (77, {from}) to (77, {to})"),
        format!("insert into chain_log_partition values (77, {from}, {to}, 0)"),
    ];
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(pool).await?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 32, ..ProptestConfig::default() })]

    #[test]
    fn logs_and_orphans_are_everything_that_was_ever_applied(
        common in block_choices(1..20),
        gone in block_choices(1..10),
        kept in block_choices(1..10),
        size in 1_i64..9,
    ) {
        let common = grown(History::begin(), &common);
        let (gone, kept) = (grown(common.fork(1), &gone), grown(common.fork(2), &kept));
        let (stored, undone) = on_runtime(async {
            let database = Database::new().await;
            let pool = database.pool();
            apply_from(pool, &gone, 1, size).await?;
            undo(pool, common.height()).await?;
            apply_from(pool, &kept, common.height() + 1, size).await?;
            let stored: Vec<(Vec<u8>, i64, Vec<u8>)> = sqlx::query_as(
                "select block_hash, log_index, data from chain_log
                 union all select block_hash, log_index, data from chain_log_orphan",
            ).fetch_all(pool).await?;
            let undone: (i64, i64, i64, i64) = sqlx::query_as(
                "select fork_block, cursor_block, depth, logs from chain_undo",
            ).fetch_one(pool).await?;
            Ok((stored, undone))
        }).map_err(fail)?;
        let orphans = logs(&gone, common.height() + 1);
        let mut applied: Vec<_> = logs(&gone, 1).into_iter().chain(logs(&kept, common.height() + 1))
            .map(|log| (log.block_hash.to_vec(), log.log_index, log.data.to_vec())).collect();
        let mut stored = stored;
        applied.sort();
        stored.sort();
        prop_assert_eq!(stored, applied);
        let depth = gone.height() - common.height();
        prop_assert_eq!(undone, (common.height(), gone.height(), depth, i64::try_from(orphans.len()).expect("few")));
    }

    #[test]
    fn partitions_do_not_show(
        blocks in block_choices(14..40),
        size in 1_i64..20,
        bounds in prop::collection::btree_set(2_i64..13, 1..4),
        fork in 1_i64..14,
    ) {
        let history = grown(History::begin(), &blocks);
        let (split, whole, used) = on_runtime(async {
            let (one, two) = (Database::new().await, Database::new().await);
            let mut from = 0;
            for to in bounds {
                partition(one.pool(), from, to).await?;
                from = to;
            }
            for pool in [one.pool(), two.pool()] {
                apply_from(pool, &history, 1, size).await?;
                undo(pool, fork).await?;
                apply_from(pool, &history, fork + 1, size).await?;
            }
            let used: i64 = sqlx::query_scalar("select count(distinct tableoid) from chain_log").fetch_one(one.pool()).await?;
            Ok((everything(one.pool()).await?, everything(two.pool()).await?, used))
        }).map_err(fail)?;
        prop_assert_eq!(split, whole);
        prop_assert!(used > 1);
    }

    #[test]
    fn the_view_of_charges_says_what_the_decoder_says(charges in prop::collection::vec(
        (
            0..=i64::MAX, 0_u64..250_000_000_000, 0_u64..250_000_000_000,
            0..(1_u128 << 96), 0..(1_u128 << 96), any::<[u8; 20]>(), any::<[u8; 20]>(),
        ), 1..60,
    )) {
        let word = |value: u64, shift: usize| U256::from(value) << shift;
        let charges: Vec<_> = charges.into_iter().map(|(number, start, end, gross, fee, merchant, token)| {
            let receipt = word(number.unsigned_abs(), 192) | word(start, 144) | word(end, 96) | U256::from(gross);
            let settlement = U256::from_be_slice(&merchant) << 96 | U256::from(fee);
            (receipt, settlement, Address::from(token))
        }).collect();
        let found = on_runtime(async {
            let database = Database::new().await;
            let mut conn = database.pool().acquire().await?;
            insert_charges(&mut conn, &charges).await?;
            charges_of_the_view(&mut conn).await
        }).map_err(fail)?;
        let expected: Vec<_> = charges.iter().map(|(receipt, settlement, token)| {
            let charge = billing_bindings::ChargeReceipt::unpack(*receipt, *settlement);
            let seconds = |seconds: u64| OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).expect("a time");
            (
                charge.merchant, *token, seconds(charge.period_start), seconds(charge.period_end),
                charge.gross.to_string(), charge.fee.to_string(),
            )
        }).collect();
        prop_assert_eq!(found, expected);
    }
}

async fn insert_charges(conn: &mut PgConnection, charges: &[(U256, U256, Address)]) -> Result<()> {
    sqlx::query("select chain_log_extend(77, 1, 1)").execute(&mut *conn).await?;
    for (index, (receipt, settlement, token)) in (0_i64..).zip(charges) {
        let data = [receipt.to_be_bytes::<32>(), settlement.to_be_bytes::<32>(), token.into_word().0].concat();
        sqlx::query(
            "insert into chain_log (chain_id, block_number, log_index, block_time, sequence, block_hash, tx_hash, address,
                                    topic0, topic1, topic2, data)
             values (77, 1, $1, now(), $1, '', '', '', $2, '', '', $3)",
        )
        .bind(index)
        .bind(<billing_bindings::SubscriptionManager::SubscriptionCharged as alloy::sol_types::SolEvent>::SIGNATURE_HASH.to_vec())
        .bind(data)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

type Viewed = (Address, Address, OffsetDateTime, OffsetDateTime, String, String);

async fn charges_of_the_view(conn: &mut PgConnection) -> Result<Vec<Viewed>> {
    let rows = sqlx::query(
        "select merchant, token, period_start, period_end, gross::text, fee::text from billing_charge order by log_index",
    )
    .fetch_all(conn)
    .await?;
    let viewed = rows.iter().map(|row| {
        let address = |column| Address::from_slice(row.get::<&[u8], _>(column));
        let (start, end) = (row.get("period_start"), row.get("period_end"));
        (address("merchant"), address("token"), start, end, row.get("gross"), row.get("fee"))
    });
    Ok(viewed.collect())
}

/// About 2,600 logs of all kinds.
fn long_history() -> History {
    let blocks: Vec<Vec<u8>> = (0..40_u32)
        .map(|block| {
            (0..120_u32)
                .map(|place| u8::try_from((block * 31 + place * 17 + place * place) % 256).expect("a byte"))
                .collect()
        })
        .collect();
    grown(History::begin(), &blocks)
}

#[tokio::test]
async fn copied_or_inserted_the_rows_are_the_same() -> Result<()> {
    let (history, copied, inserted) = (long_history(), Database::new().await, Database::new().await);
    assert!(logs(&history, 1).len() > 2_000, "{} logs are not copied", logs(&history, 1).len());
    apply_from(copied.pool(), &history, 1, 1_000).await?;
    apply_from(inserted.pool(), &history, 1, 3).await?;
    assert_eq!(everything(copied.pool()).await?, everything(inserted.pool()).await?);

    let kinds: (i64, i64, i64) = sqlx::query_as(
        "select count(*) filter (where topic3 is not null), count(*) filter (where subject is null), count(account)
           from chain_log",
    )
    .fetch_one(copied.pool())
    .await?;
    assert!(kinds.0 > 0 && kinds.1 > 0 && kinds.2 > 0, "{kinds:?}");
    let others: i64 = sqlx::query_scalar(
        "select count(*) from billing_charge where subject is distinct from chain_subscription_subject(plan_hash, subscriber)",
    )
    .fetch_one(copied.pool())
    .await?;
    assert_eq!(others, 0);
    Ok(())
}

#[tokio::test]
async fn a_partitions_span_follows_the_events_of_the_one_before_it() -> Result<()> {
    let database = Database::new().await;
    let extend = async |first: i64, last: i64| -> Result<i64> {
        let query = sqlx::query_scalar("select chain_log_extend(5, $1, $2)").bind(first).bind(last);
        Ok(query.fetch_one(database.pool()).await?)
    };
    let events = async |count: i64| -> Result<()> {
        let sql = "insert into chain_event_sequence values (5, '\\xaa', $1)
                   on conflict (chain_id, address) do update set last_sequence = excluded.last_sequence";
        sqlx::query(sql).bind(count).execute(database.pool()).await?;
        Ok(())
    };
    assert_eq!(extend(20_000_000, 20_000_009).await?, 20_100_000);
    assert_eq!(extend(20_000_010, 20_099_999).await?, 20_100_000, "there is room");
    events(1_000_000).await?;
    assert_eq!(extend(20_100_000, 20_100_000).await?, 20_300_000, "ten events a block");
    events(201_000_000).await?;
    assert_eq!(extend(20_300_000, 20_300_000).await?, 20_302_000, "a thousand events a block");
    assert_eq!(extend(20_302_000, 20_302_000).await?, 20_318_000, "none at all: eight times the last");
    assert_eq!(extend(20_318_000, 21_000_000).await?, 21_000_001, "a stretch is never cut");
    Ok(())
}

#[tokio::test]
async fn a_writer_that_makes_room_does_not_stop_others() -> Result<()> {
    let database = Database::new().await;
    let history = grown(History::begin(), &[vec![2], vec![13]]);
    apply_from(database.pool(), &history, 1, 1).await?;
    let mut other = database.pool().begin().await?;
    sqlx::query("select chain_log_extend(5, 1, 1)").execute(&mut *other).await?;
    let more = grown(history, &[vec![13], vec![0]]);
    tokio::time::timeout(std::time::Duration::from_secs(20), apply_from(database.pool(), &more, 4, 1)).await??;
    other.rollback().await?;
    Ok(())
}

async fn rows(pool: &PgPool) -> Result<BTreeSet<String>> {
    let rows: Vec<String> = sqlx::query_scalar("select log::text from chain_log as log").fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

#[tokio::test]
async fn logs_of_the_schema_before_are_moved_as_if_they_had_been_applied_to_this_one() -> Result<()> {
    let history = long_history();
    let fresh = Database::new().await;
    apply_from(fresh.pool(), &history, 1, 1_000).await?;

    let before = MIGRATOR.iter().filter(|migration| migration.version < 20_261_121_000_004).cloned().collect();
    let old = Database::create(&Migrator::with_migrations(before)).await?;
    insert_as_before(old.pool(), SOURCE.chain_id, &fresh).await?;
    sqlx::query(
        "insert into billing_charge_attempt (charge_attempt_id, chain_id, plan_hash, subscriber, due_at, status, attempts,
                                             amount, payment_token, confirmed_block, worker_instance)
         values (gen_random_uuid(), 77, '', '', now(), 'settled', 0, 1, '', 3, null),
                (gen_random_uuid(), 77, '', '', now() + interval '1 day', 'settled', 0, 1, '', 3, 'a worker')",
    )
    .execute(old.pool())
    .await?;
    MIGRATOR.run(old.pool()).await?;

    assert_eq!(rows(old.pool()).await?, rows(fresh.pool()).await?);
    let attempts: Vec<Option<String>> =
        sqlx::query_scalar("select worker_instance from billing_charge_attempt").fetch_all(old.pool()).await?;
    assert_eq!(attempts, [Some("a worker".to_owned())], "a charge that only the chain made has no row");
    Ok(())
}

/// The stored logs of `fresh` in the columns that the schema had before.
async fn insert_as_before(old: &PgPool, chain_id: ChainId, fresh: &Database) -> Result<()> {
    let rows = sqlx::query("select * from chain_log order by block_number, log_index").fetch_all(fresh.pool()).await?;
    for row in rows {
        let bytes = |column| row.get::<Option<Vec<u8>>, _>(column);
        let topics: Vec<Vec<u8>> = ["topic0", "topic1", "topic2", "topic3"].into_iter().filter_map(bytes).collect();
        sqlx::query(
            "insert into chain_log (chain_id, block_hash, log_index, block_number, block_time, tx_hash, address, topics,
                                    data, sequence, subject, party)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ($8::bytea[])[2], ($8::bytea[])[3])",
        )
        .bind(chain_id)
        .bind(bytes("block_hash"))
        .bind(row.get::<i64, _>("log_index"))
        .bind(row.get::<i64, _>("block_number"))
        .bind(row.get::<OffsetDateTime, _>("block_time"))
        .bind(bytes("tx_hash"))
        .bind(bytes("address"))
        .bind(topics)
        .bind(bytes("data"))
        .bind(row.get::<i64, _>("sequence"))
        .execute(old)
        .await?;
    }
    Ok(())
}
