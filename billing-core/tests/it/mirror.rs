use anyhow::Result;
use billing_core::mirror::{
    self, Applied, MirrorError, Undone, apply,
    feed::{self, FeedMessage, FeedPosition},
    undo_to,
};
use proptest::prelude::*;
use sqlx::PgPool;
use test_support::Database;

use crate::history::{History, SOURCE};

/// Everything the mirror wrote, but for ids and the times of writing.
pub async fn everything(pool: &PgPool) -> Result<Vec<String>> {
    let sql = "select log::text from chain_log as log
               union all select plan::text from billing_plan_state as plan
               union all select state::text from billing_subscription_state as state
               union all select deposit::text from billing_native_deposit as deposit where balance > 0
               union all select sale::text from billing_marketplace_sale as sale
               union all select revocation::text from billing_listing_revocation as revocation
               union all select sequence::text from chain_event_sequence as sequence where last_sequence > 0
               union all select block::text from chain_block as block
               union all select charge::text from billing_charge as charge
               union all select (chain_id, block_number, block_hash)::text from chain_cursor
               order by 1";
    Ok(sqlx::query_scalar(sql).fetch_all(pool).await?)
}

pub async fn apply_from(pool: &PgPool, history: &History, first: i64, size: i64) -> Result<()> {
    let mut from = first;
    while from <= history.height() {
        let to = (from + size - 1).min(history.height());
        let applied = apply(pool, &SOURCE, history.stretch(from, to)).await?;
        anyhow::ensure!(matches!(applied, Applied::Moved { .. }), "{applied:?}");
        from = to + 1;
    }
    Ok(())
}

pub async fn undo(pool: &PgPool, fork: i64) -> Result<Undone> {
    let seen = mirror::cursor(&mut *pool.acquire().await?, SOURCE.chain_id).await?.expect("a cursor");
    Ok(undo_to(pool, &SOURCE, &seen, fork).await?)
}

pub fn grown(mut history: History, blocks: &[Vec<u8>]) -> History {
    for choices in blocks {
        history.grow(choices);
    }
    history
}

pub fn block_choices(blocks: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), blocks)
}

pub fn on_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_branch_undone_and_another_applied_leave_no_trace(
        common in block_choices(1..25),
        gone in block_choices(1..12),
        kept in block_choices(1..12),
        size in 1_i64..9,
    ) {
        let common = grown(History::begin(), &common);
        let (gone, kept) = (grown(common.fork(1), &gone), grown(common.fork(2), &kept));
        let (there_and_back, straight) = on_runtime(async {
            let (one, two) = (Database::new().await, Database::new().await);
            apply_from(one.pool(), &gone, 1, size).await?;
            undo(one.pool(), common.height()).await?;
            apply_from(one.pool(), &kept, common.height() + 1, size).await?;
            apply_from(two.pool(), &kept, 1, 1).await?;
            Ok((everything(one.pool()).await?, everything(two.pool()).await?))
        }).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        prop_assert_eq!(there_and_back, straight);
    }

    #[test]
    fn undone_and_applied_again_is_as_if_nothing_happened(
        blocks in block_choices(2..30),
        size in 1_i64..9,
        cut in any::<prop::sample::Index>(),
    ) {
        let history = grown(History::begin(), &blocks);
        let fork = 1 + i64::try_from(cut.index(blocks.len())).expect("short");
        let (before, after) = on_runtime(async {
            let database = Database::new().await;
            apply_from(database.pool(), &history, 1, size).await?;
            let before = everything(database.pool()).await?;
            undo(database.pool(), fork).await?;
            apply_from(database.pool(), &history, fork + 1, 3).await?;
            Ok((before, everything(database.pool()).await?))
        }).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        prop_assert_eq!(before, after);
    }

    #[test]
    fn projections_are_what_the_contracts_keep(blocks in block_choices(5..40), size in 1_i64..20) {
        let history = grown(History::begin(), &blocks);
        let found = on_runtime(async {
            let database = Database::new().await;
            apply_from(database.pool(), &history, 1, size).await?;
            let slots: Vec<(bool, i64, i32)> = sqlx::query_as(
                "select status = 'active', extract(epoch from next_charge_at)::bigint, coalesce(charge_limit, 0)
                   from billing_subscription_state order by plan_hash, subscriber",
            ).fetch_all(database.pool()).await?;
            let deposits: Vec<i64> = sqlx::query_scalar(
                "select balance::bigint from billing_native_deposit order by account",
            ).fetch_all(database.pool()).await?;
            let sold: i64 = sqlx::query_scalar(
                "select coalesce(sum(quantity), 0)::bigint from billing_marketplace_sale",
            ).fetch_one(database.pool()).await?;
            Ok((slots, deposits.into_iter().map(i64::unsigned_abs).collect::<Vec<_>>(), sold))
        }).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        let (slots, deposits) = history.expected();
        let without_empty = |deposits: Vec<u64>| deposits.into_iter().filter(|balance| *balance > 0).collect::<Vec<_>>();
        prop_assert_eq!(found.0, slots);
        prop_assert_eq!(found.2, i64::from(history.sold));
        prop_assert_eq!(without_empty(found.1), without_empty(deposits));
    }
}

#[tokio::test]
async fn a_sale_that_is_undone_is_taken_back_from_those_who_were_told() -> Result<()> {
    let database = Database::new().await;
    let history = grown(History::begin(), &[vec![14], vec![14, 14 | 1 << 6, 14 | 2 << 6, 14 | 3 << 6]]);
    apply_from(database.pool(), &history, 1, 10).await?;

    crate::feed::until_settled(database.pool()).await?;
    let told = feed::read(database.pool(), FeedPosition::START, 1_000).await?;
    let read_to = told.last().expect("messages").position;
    undo(database.pool(), 2).await?;

    let topics = crate::feed::topics(database.pool(), "billing.marketplace.").await?;
    let sold = "billing.marketplace.sold.v1";
    // Who read before is told that the second is none; who did not is told of the first alone, and of the retraction.
    let reverted = "billing.marketplace.sale_reverted.v1";
    let sales = |messages: &[FeedMessage]| messages.iter().filter(|message| message.topic == sold).count();
    assert_eq!((sales(&told), topics), (2, vec![sold.to_owned(), reverted.to_owned()]));
    let later = feed::read(database.pool(), read_to, 1_000).await?;
    assert_eq!(later.iter().filter(|message| message.topic == reverted).count(), 1);
    let left: (i64, i64) = sqlx::query_as(
        "select (select count(*) from billing_marketplace_sale), (select count(*) from billing_listing_revocation)",
    )
    .fetch_one(database.pool())
    .await?;
    assert_eq!(left, (1, 0));
    Ok(())
}

#[tokio::test]
async fn a_stretch_that_does_not_follow_writes_nothing() -> Result<()> {
    let database = Database::new().await;
    let common = grown(History::begin(), &[vec![2], vec![13, 18]]);
    let (mine, other) = (grown(common.fork(1), &[vec![0]]), grown(common.fork(2), &[vec![0], vec![1]]));
    apply_from(database.pool(), &mine, 1, 10).await?;
    let before = everything(database.pool()).await?;

    let other_branch = apply(database.pool(), &SOURCE, other.stretch(5, 5)).await?;
    let again = apply(database.pool(), &SOURCE, mine.stretch(4, 4)).await?;

    assert!(matches!(other_branch, Applied::NeedsUndo { cursor } if cursor.number == 4));
    assert!(matches!(again, Applied::Stale { cursor: Some(cursor) } if cursor.number == 4));
    assert_eq!(everything(database.pool()).await?, before);
    Ok(())
}

#[tokio::test]
async fn an_undoing_for_another_cursor_or_an_unknown_fork_writes_nothing() -> Result<()> {
    let database = Database::new().await;
    let history = grown(History::begin(), &[vec![2], vec![0], vec![1]]);
    apply_from(database.pool(), &history, 1, 10).await?;
    let before = everything(database.pool()).await?;
    let mut seen = mirror::cursor(&mut *database.pool().acquire().await?, SOURCE.chain_id).await?.expect("a cursor");

    let too_deep = undo_to(database.pool(), &SOURCE, &seen, 0).await;
    seen.number -= 1;
    let stale = undo_to(database.pool(), &SOURCE, &seen, 2).await?;

    assert!(matches!(too_deep, Err(MirrorError::BeyondWindow { oldest: 1, .. })), "{too_deep:?}");
    assert_eq!(stale, Undone::Stale);
    assert_eq!(everything(database.pool()).await?, before);
    Ok(())
}
