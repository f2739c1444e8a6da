//! A worker that claims and the mirror that confirms, at the same time.

use std::time::Duration;

use anyhow::Result;
use billing_core::mirror::apply;
use sqlx::{PgConnection, PgPool};
use test_support::Database;

use crate::{
    history::{History, SOURCE},
    mirror::{apply_from, grown, undo},
};

/// A subscription whose first charge follows in the last block.
fn history() -> History {
    grown(History::begin(), &[vec![2], vec![], vec![5]])
}

/// What a claim does: the subscription's row is locked, then the attempt added.
async fn lock_due(conn: &mut PgConnection) -> Result<u64> {
    let locked = "select from billing_subscription_state where status = 'active' for update skip locked";
    Ok(sqlx::query(locked).fetch_all(conn).await?.len() as u64)
}

async fn add_attempt(conn: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "insert into billing_charge_attempt (charge_attempt_id, chain_id, plan_hash, subscriber, due_at, status, amount,
                                             payment_token, worker_instance, lease_until)
         select gen_random_uuid(), chain_id, plan_hash, subscriber, next_charge_at, 'pending', 1, '', 'worker',
                now() + interval '1 minute'
           from billing_subscription_state",
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn attempts(pool: &PgPool) -> Result<Vec<(String, Option<i64>)>> {
    Ok(sqlx::query_as("select status, confirmed_block from billing_charge_attempt order by due_at")
        .fetch_all(pool)
        .await?)
}

#[tokio::test]
async fn an_attempt_added_while_the_mirror_waits_for_its_subscription_is_settled_by_it() -> Result<()> {
    let (database, history) = (Database::new().await, history());
    let pool = database.pool().clone();
    apply_from(&pool, &grown(History::begin(), &[vec![2], vec![]]), 1, 10).await?;
    let mut claim = pool.begin().await?;
    assert_eq!(lock_due(&mut claim).await?, 1);

    let stretch = history.stretch(4, 4);
    let mirror = tokio::spawn({
        let pool = pool.clone();
        async move { apply(&pool, &SOURCE, stretch).await }
    });
    let waits =
        "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&pool).await? {
        assert!(!mirror.is_finished(), "the mirror did not wait for the claim");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    add_attempt(&mut claim).await?;
    claim.commit().await?;

    mirror.await??;
    assert_eq!(attempts(&pool).await?, [("settled".to_owned(), Some(4))]);
    Ok(())
}

#[tokio::test]
async fn nothing_is_claimed_of_a_subscription_that_the_mirror_is_just_moving() -> Result<()> {
    let (database, history) = (Database::new().await, history());
    let pool = database.pool();
    apply_from(pool, &grown(History::begin(), &[vec![2], vec![]]), 1, 10).await?;
    // Stands for a mirror between its writing of the state and its commit.
    let mut mirror = pool.begin().await?;
    sqlx::query("update billing_subscription_state set next_charge_at = next_charge_at + interval '1 hour'")
        .execute(&mut *mirror)
        .await?;
    assert_eq!(lock_due(&mut *pool.acquire().await?).await?, 0);
    mirror.rollback().await?;

    apply_from(pool, &history, 4, 1).await?;
    assert!(attempts(pool).await?.is_empty(), "no row for what only the chain did");
    Ok(())
}

#[tokio::test]
async fn an_attempt_confirmed_on_a_branch_that_is_gone_is_due_again_and_settled_on_the_next() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    let common = grown(History::begin(), &[vec![2], vec![]]);
    apply_from(pool, &common, 1, 10).await?;
    add_attempt(&mut *pool.acquire().await?).await?;
    apply_from(pool, &grown(common.fork(1), &[vec![5]]), 4, 1).await?;
    assert_eq!(attempts(pool).await?, [("settled".to_owned(), Some(4))]);

    undo(pool, 3).await?;
    assert_eq!(attempts(pool).await?, [("pending".to_owned(), None)]);
    apply_from(pool, &grown(common.fork(2), &[vec![], vec![5]]), 4, 5).await?;
    assert_eq!(attempts(pool).await?, [("settled".to_owned(), Some(5))]);
    Ok(())
}
