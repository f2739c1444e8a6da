//! Stretches whose logs are written before the one below them is committed.

use std::time::Duration;

use anyhow::Result;
use billing_core::mirror::{Applied, CursorVersion, Staged, Stretch, Undone, apply};
use sqlx::PgPool;
use test_support::Database;

use crate::{
    history::{History, SOURCE},
    mirror::{apply_from, everything, grown, undo},
};

async fn stage(pool: &PgPool, history: &History, block: i64, behind: Option<CursorVersion>) -> Result<Staged> {
    let stretch = Stretch::read(&SOURCE, history.stretch(block, block))?;
    Ok(Staged::new(pool, &SOURCE, stretch, behind).await?)
}

fn history() -> History {
    grown(History::begin(), &[vec![2], vec![13, 18], vec![0, 4, 7], vec![1, 5]])
}

#[tokio::test]
async fn stretches_written_at_once_are_what_they_are_one_after_another() -> Result<()> {
    let (one, other, history) = (Database::new().await, Database::new().await, history());
    apply_from(one.pool(), &history, 1, 1).await?;

    let mut before: Option<Staged> = None;
    for block in 1..=history.height() {
        let next = stage(other.pool(), &history, block, before.as_ref().and_then(Staged::version)).await?;
        if let Some(before) = before.replace(next) {
            assert!(matches!(before.finish().await?, Applied::Moved { .. }));
        }
    }
    if let Some(last) = before {
        assert!(matches!(last.finish().await?, Applied::Moved { .. }));
    }

    assert_eq!(everything(other.pool()).await?, everything(one.pool()).await?);
    Ok(())
}

#[tokio::test]
async fn one_whose_predecessor_is_given_up_leaves_nothing() -> Result<()> {
    let (database, history) = (Database::new().await, history());
    apply(database.pool(), &SOURCE, history.stretch(1, 1)).await?;
    let before = everything(database.pool()).await?;
    let first = stage(database.pool(), &history, 2, None).await?;
    let second = stage(database.pool(), &history, 3, first.version()).await?;

    drop(first);

    assert!(matches!(second.finish().await?, Applied::Stale { cursor: Some(cursor) } if cursor.number == 1));
    assert_eq!(everything(database.pool()).await?, before);
    Ok(())
}

#[tokio::test]
async fn one_that_was_written_before_the_cursor_went_away_and_came_back_is_stale() -> Result<()> {
    let (database, history) = (Database::new().await, history());
    apply_from(database.pool(), &history.until(3), 1, 1).await?;
    let staged = stage(database.pool(), &history, 4, None).await?;

    assert!(matches!(undo(database.pool(), 2).await?, Undone::Moved { depth: 1, .. }));
    let back = apply(database.pool(), &SOURCE, history.stretch(3, 3)).await?;

    assert!(matches!(back, Applied::Moved { .. }));
    assert!(matches!(staged.finish().await?, Applied::Stale { cursor: Some(cursor) } if cursor.number == 3));
    assert!(matches!(apply(database.pool(), &SOURCE, history.stretch(4, 4)).await?, Applied::Moved { .. }));
    Ok(())
}

#[tokio::test]
async fn who_writes_what_another_one_is_writing_waits_and_is_stale() -> Result<()> {
    let (database, history) = (Database::new().await, history());
    apply_from(database.pool(), &history.until(2), 1, 1).await?;
    assert!(!history.stretch(3, 3).logs().is_empty());
    let first = stage(database.pool(), &history, 3, None).await?;
    let (pool, stretch) = (database.pool().clone(), history.stretch(3, 3));
    let second = tokio::spawn(async move { apply(&pool, &SOURCE, stretch).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!second.is_finished());

    assert!(matches!(first.finish().await?, Applied::Moved { .. }));

    assert!(matches!(second.await??, Applied::Stale { .. }));
    Ok(())
}
