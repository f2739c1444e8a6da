//! What the feed gives, however and whenever it is read.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use billing_core::{
    mirror::feed::{self, FeedMessage, FeedPosition},
    outbox,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, postgres::PgListener};
use test_support::Database;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    history::History,
    mirror::{apply_from, block_choices, grown, on_runtime, undo},
};

/// Waits until all that is written is settled: transactions of other tests on the same server hold it back.
pub async fn until_settled(pool: &PgPool) -> Result<()> {
    let written: i64 = sqlx::query_scalar("select pg_current_xact_id()::text::bigint").fetch_one(pool).await?;
    let oldest = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
    while sqlx::query_scalar::<_, i64>(oldest).fetch_one(pool).await? <= written {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Topics of all messages that begin so.
pub async fn topics(pool: &PgPool, beginning: &str) -> Result<Vec<String>> {
    let topics = all(pool, FeedPosition::START, 1_000).await?.into_iter().map(|message| message.topic);
    Ok(topics.filter(|topic| topic.starts_with(beginning)).collect())
}

/// Everything behind `after`, in pages of `size`; each position goes through its text.
async fn all(pool: &PgPool, after: FeedPosition, size: usize) -> Result<Vec<FeedMessage>> {
    until_settled(pool).await?;
    let (mut messages, mut position) = (Vec::new(), after);
    loop {
        let page = feed::read(pool, position, size).await?;
        ensure!(page.len() <= size, "a page of {} messages", page.len());
        let Some(last) = page.last() else { return Ok(messages) };
        position = last.position.to_string().parse()?;
        messages.extend(page);
    }
}

/// Places of what is told and not taken back, as a reader of the messages alone knows them.
fn believed(messages: &[FeedMessage]) -> BTreeSet<(String, i64)> {
    let mut believed: BTreeSet<(i64, String, i64)> = BTreeSet::new();
    for FeedMessage { topic, payload, .. } in messages {
        let field = |name: &str| payload.get(name).and_then(Value::as_i64);
        if topic == feed::REVERTED {
            believed.retain(|(block, _, _)| *block <= field("fork_block").expect("a fork"));
        } else if let (Some(block), Some(index)) = (field("block_number"), field("log_index"))
            && !topic.ends_with("reverted.v1")
        {
            let fresh = believed.insert((block, payload["block_hash"].to_string(), index));
            assert!(fresh, "{topic} of block {block} was told twice");
        }
    }
    believed.into_iter().map(|(_, hash, index)| (hash, index)).collect()
}

fn fail(error: anyhow::Error) -> TestCaseError {
    TestCaseError::fail(format!("{error:#}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_any_size_and_a_reader_killed_anywhere_give_the_same_messages(
        common in block_choices(1..20),
        gone in block_choices(1..8),
        kept in block_choices(1..8),
        stretch in 1_i64..9,
        size in 1_usize..12,
        cut in any::<prop::sample::Index>(),
    ) {
        let common = grown(History::begin(), &common);
        let (gone, kept) = (grown(common.fork(1), &gone), grown(common.fork(2), &kept));
        let (whole, pages, cut, rest) = on_runtime(async {
            let database = Database::new().await;
            let pool = database.pool();
            apply_from(pool, &gone, 1, stretch).await?;
            undo(pool, common.height()).await?;
            apply_from(pool, &kept, common.height() + 1, stretch).await?;
            let whole = all(pool, FeedPosition::START, 10_000).await?;
            let cut = cut.index(whole.len());
            let rest = all(pool, whole[cut].position.to_string().parse()?, 10_000).await?;
            Ok((whole, all(pool, FeedPosition::START, size).await?, cut, rest))
        }).map_err(fail)?;
        prop_assert_eq!(&pages, &whole);
        prop_assert_eq!(&rest[..], &whole[cut + 1..]);
        prop_assert_eq!(whole.iter().filter(|message| message.topic == feed::REVERTED).count(), 1);
    }

    #[test]
    fn a_reader_whom_reorganisations_overtake_believes_what_one_of_the_last_branch_believes(
        common in block_choices(2..14),
        gone in block_choices(1..8),
        kept in block_choices(1..8),
        stretch in 1_i64..9,
        size in 1_usize..9,
        reads in 0_usize..9,
        fork in any::<prop::sample::Index>(),
    ) {
        let common = grown(History::begin(), &common);
        let fork = 1 + i64::try_from(fork.index(usize::try_from(common.height()).expect("short"))).expect("short");
        let gone = grown(common.fork(1), &gone);
        let kept = grown(common.until(fork).fork(2), &kept);
        let (overtaken, straight) = on_runtime(async {
            let (one, two) = (Database::new().await, Database::new().await);
            let pool = one.pool();
            apply_from(pool, &gone, 1, stretch).await?;
            until_settled(pool).await?;
            let mut seen: Vec<FeedMessage> = Vec::new();
            for _ in 0..reads {
                let position = seen.last().map_or(FeedPosition::START, |message| message.position);
                seen.extend(feed::read(pool, position, size).await?);
            }
            undo(pool, common.height()).await?;
            undo(pool, fork).await?;
            apply_from(pool, &kept, fork + 1, stretch).await?;
            let position = seen.last().map_or(FeedPosition::START, |message| message.position);
            seen.extend(all(pool, position, size).await?);
            apply_from(two.pool(), &kept, 1, 100).await?;
            Ok((seen, all(two.pool(), FeedPosition::START, 1_000).await?))
        }).map_err(fail)?;
        prop_assert_eq!(believed(&overtaken), believed(&straight));
    }
}

async fn push(conn: &mut PgConnection, key: &str) -> Result<()> {
    Ok(outbox::push(conn, "billing.test.v1", key, &json!({})).await?)
}

fn keys(messages: &[FeedMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.key.as_str()).collect()
}

#[tokio::test]
async fn what_a_transaction_that_is_still_open_writes_is_not_passed_over() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    // Ids and transactions are out of step both ways: `early` began first and takes the last id.
    let (mut early, mut late) = (pool.begin().await?, pool.begin().await?);
    push(&mut early, "first of early").await?;
    push(&mut late, "of late").await?;
    late.commit().await?;

    let meanwhile = feed::read(pool, FeedPosition::START, 10).await?;
    assert_eq!(keys(&meanwhile), Vec::<&str>::new(), "what comes before it is not known yet");

    push(&mut early, "second of early").await?;
    early.commit().await?;
    let told = all(pool, FeedPosition::START, 1).await?;
    assert_eq!(keys(&told), ["first of early", "second of early", "of late"]);
    Ok(())
}

#[tokio::test]
async fn a_chains_rows_are_read_in_the_order_in_which_its_writers_took_turns() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    let history = grown(History::begin(), &vec![vec![0, 12, 13]; 40]);
    apply_from(pool, &history, 1, 1).await.expect("the first blocks");
    for fork in [30, 20, 10] {
        undo(pool, fork).await?;
        let writers = (0..3).map(|_| async {
            let mut from = fork + 1;
            while from <= history.height() {
                let cursor =
                    billing_core::mirror::cursor(&mut *pool.acquire().await?, crate::history::SOURCE.chain_id).await?;
                from = cursor.map_or(1, |cursor| cursor.number + 1);
                if from <= history.height() {
                    billing_core::mirror::apply(pool, &crate::history::SOURCE, history.stretch(from, from)).await?;
                }
            }
            Ok::<_, anyhow::Error>(())
        });
        futures::future::try_join_all(writers).await?;
    }
    let inversions: i64 = sqlx::query_scalar(
        "select count(*) from outbox one join outbox two
            on one.key = two.key and one.outbox_id < two.outbox_id and one.written_by > two.written_by",
    )
    .fetch_one(pool)
    .await?;
    assert_eq!(inversions, 0);
    let told = all(pool, FeedPosition::START, 7).await?;
    assert_eq!(believed(&told).len(), 0, "skipped members and deposits tell nothing that has a place");
    let stretches = told.iter().filter(|message| message.topic == feed::ADVANCED);
    assert_eq!(stretches.count(), 41 + 11 + 21 + 31);
    Ok(())
}

#[tokio::test]
async fn a_stretch_that_is_gone_before_it_is_read_tells_nothing_but_its_retraction() -> Result<()> {
    let database = Database::new().await;
    let common = grown(History::begin(), &[vec![2]]);
    let gone = grown(common.fork(1), &[vec![5, 14]]);
    apply_from(database.pool(), &gone, 1, 1).await?;
    undo(database.pool(), common.height()).await?;
    let told = topics(database.pool(), "billing.").await?;
    let plan = "billing.plan.changed.v1";
    let expected = [
        plan,
        plan,
        feed::ADVANCED,
        "billing.subscription.activated.v1",
        feed::ADVANCED,
        feed::ADVANCED,
        "billing.marketplace.sale_reverted.v1",
        "billing.subscription.reverted.v1",
        feed::REVERTED,
    ];
    assert_eq!(told, expected);
    Ok(())
}

#[tokio::test]
async fn a_charge_after_missed_periods_is_told_to_have_been_due_at_the_end_of_the_paid_time() -> Result<()> {
    let database = Database::new().await;
    // A block takes half an hour, a period an hour: the second charge pays the period it falls into.
    let history = grown(History::begin(), &[vec![2], vec![5], vec![], vec![], vec![], vec![], vec![], vec![5]]);
    apply_from(database.pool(), &history, 1, 100).await?;
    let told = all(database.pool(), FeedPosition::START, 1_000).await?;
    let charges: Vec<&Value> =
        told.iter().filter(|message| message.topic.ends_with("charged.v1")).map(|message| &message.payload).collect();
    let at = |value: &Value| OffsetDateTime::parse(value.as_str().expect("a time"), &Rfc3339).expect("a time");
    assert_eq!(charges.len(), 2);
    assert_eq!(at(&charges[0]["due_at"]), at(&charges[0]["period_start"]));
    assert_eq!(at(&charges[1]["due_at"]), at(&charges[0]["period_end"]));
    assert!(at(&charges[1]["period_start"]) - at(&charges[1]["due_at"]) >= Duration::hours(1));
    Ok(())
}

#[tokio::test]
async fn who_asks_for_some_topics_is_given_these_and_the_rows_themselves() -> Result<()> {
    let database = Database::new().await;
    let history = grown(History::begin(), &[vec![2], vec![5, 14], vec![0]]);
    apply_from(database.pool(), &history, 1, 2).await?;
    push(&mut *database.pool().acquire().await?, "another room's").await?;
    until_settled(database.pool()).await?;
    let wanted = [feed::PLAN_CHANGED, "billing.subscription.charged.v1"];
    let some = feed::read_of(database.pool(), Some(&wanted), FeedPosition::START, 100).await?;
    let every = all(database.pool(), FeedPosition::START, 100).await?;
    let rows = [feed::ADVANCED, "billing.test.v1"];
    let of_every = every.into_iter().filter(|message| [&wanted[..], &rows].concat().contains(&message.topic.as_str()));
    assert_eq!(some, of_every.collect::<Vec<_>>());
    assert!(some.iter().any(|message| message.topic == wanted[1]));
    Ok(())
}

#[tokio::test]
async fn listeners_are_woken_when_a_stretch_is_committed_and_when_it_is_undone() -> Result<()> {
    let database = Database::new().await;
    let mut listener = PgListener::connect(database.url()).await?;
    listener.listen(outbox::CHANNEL).await?;
    apply_from(database.pool(), &History::begin(), 1, 1).await?;
    apply_from(database.pool(), &grown(History::begin(), &[vec![2]]), 2, 1).await?;
    undo(database.pool(), 1).await?;
    for _ in 0..3 {
        tokio::time::timeout(std::time::Duration::from_secs(10), listener.recv()).await??;
    }
    Ok(())
}
