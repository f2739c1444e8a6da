//! Seals.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Result;
use billing_core::ledger::{self, By, Sealed};
use sqlx::PgPool;
use test_support::Database;
use time::macros::datetime;
use tokio::task::JoinSet;

use super::{
    AccountId,
    history::seal_all,
    world::{accounts, moved, post},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transfer_is_sealed_once_while_eight_write_and_some_give_up() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 8).await?;
    let (mut writers, mut sealers) = (JoinSet::new(), JoinSet::new());
    let is_over = Arc::new(AtomicBool::new(false));
    for (number, customer) in customers.into_iter().enumerate() {
        let pool = database.pool().clone();
        writers.spawn(async move {
            for step in 0..60_u64 {
                let turn = step + number as u64;
                let mut tx = pool.begin().await?;
                ledger::post_one_in_tx(&mut tx, &moved(house, customer, 1 + step)).await??;
                if turn.is_multiple_of(3) {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
                if turn.is_multiple_of(4) { tx.rollback().await? } else { tx.commit().await? }
            }
            anyhow::Ok(())
        });
    }
    for most in [7, 31] {
        let (pool, is_over) = (database.pool().clone(), is_over.clone());
        sealers.spawn(async move {
            let mut seals = 0;
            while !is_over.load(Ordering::Relaxed) {
                seals += usize::from(ledger::seal(&pool, most).await?.is_some());
            }
            anyhow::Ok(seals)
        });
    }
    let (pool, verifying) = (database.pool().clone(), is_over.clone());
    let verifier = tokio::spawn(async move {
        while !verifying.load(Ordering::Relaxed) {
            anyhow::ensure!(ledger::verify(&pool, |_| {}).await?.differences.is_empty(), "while they write");
            is_counted_once(&pool, house).await?;
        }
        anyhow::Ok(())
    });
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    is_over.store(true, Ordering::Relaxed);
    let mut seals = 0;
    while let Some(sealer) = sealers.join_next().await {
        seals += sealer??;
    }
    verifier.await??;
    assert!(seals > 0, "nothing was sealed while they wrote");
    seal_all(database.pool(), 1_000).await?;

    assert_eq!(stretches_that_are_wrong(database.pool()).await?, 0);
    let (transfers, sealed, entries): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from ledger_transfer), (select sum(transfers)::bigint from ledger_seal), (select count(*) from ledger_entry)",
    )
    .fetch_one(database.pool())
    .await?;
    assert_eq!((transfers, sealed, entries), (360, 360, 720));
    let verified = ledger::verify(database.pool(), |_| {}).await?;
    assert_eq!((verified.sealed, verified.differences), (360, vec![]));
    Ok(())
}

/// What is sealed and what is not, in one snapshot, are what the account has.
async fn is_counted_once(pool: &PgPool, account: AccountId) -> Result<()> {
    let mut tx = pool.begin_with("begin isolation level repeatable read read only").await?;
    let now = ledger::balance(&mut tx, account).await?;
    for by in [By::Booking, By::Event] {
        let found = ledger::balance_at(&mut tx, account, datetime!(2100-01-01 00:00 UTC), by).await?;
        anyhow::ensure!(found == now, "{found:?} {now:?}");
    }
    Ok(())
}

/// Seals that do not begin where the one before ends, or count others than are there.
async fn stretches_that_are_wrong(pool: &PgPool) -> Result<i64> {
    let sql = "with seals as (
             select *, lag(last_position, 1, 0::bigint) over (order by seal_number) as before,
                    row_number() over (order by seal_number) as place
               from ledger_seal
         )
         select count(*) from seals
          where first_position <> before + 1 or place <> seal_number
             or transfers <> (select count(*) from ledger_transfer where position between first_position and last_position)";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

/// The later position is committed first, by the older transaction: the snapshot's upper end alone would not see the other.
#[tokio::test]
async fn nothing_is_sealed_before_all_that_may_come_before_it_is_there() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 2).await?;
    let (others, other_house) = accounts(database.pool(), 1).await?;
    let (mut older, mut younger) = (database.pool().begin().await?, database.pool().begin().await?);
    sqlx::query("select pg_current_xact_id()").execute(&mut *older).await?;
    ledger::post_one_in_tx(&mut younger, &moved(house, customers[0], 1)).await??;
    ledger::post_one_in_tx(&mut older, &moved(other_house, others[0], 2)).await??;
    older.commit().await?;
    assert_eq!(ledger::seal(database.pool(), 100).await?, None);
    younger.commit().await?;
    let sealed = sealed(database.pool()).await?;
    assert_eq!((sealed.number, sealed.first, sealed.last, sealed.transfers), (1, 1, 2, 2));
    Ok(())
}

#[tokio::test]
async fn positions_that_were_given_up_are_sealed_with_what_follows() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    assert_eq!(ledger::seal(database.pool(), 100).await?, None);
    for _ in 0..3 {
        let mut tx = database.pool().begin().await?;
        ledger::post_one_in_tx(&mut tx, &moved(house, customers[0], 1)).await??;
        tx.rollback().await?;
    }
    assert_eq!(ledger::seal(database.pool(), 100).await?, None);
    post(database.pool(), &moved(house, customers[0], 1)).await??;
    let first = sealed(database.pool()).await?;
    post(database.pool(), &moved(house, customers[0], 1)).await??;
    let second = sealed(database.pool()).await?;
    assert_eq!((first.first, first.last, first.transfers), (1, 4, 1));
    assert_eq!((second.number, second.first, second.last, second.transfers), (2, 5, 5, 1));
    Ok(())
}

/// Other tests' transactions are waited for.
async fn sealed(pool: &PgPool) -> Result<Sealed> {
    for _ in 0..60 {
        if let Some(sealed) = ledger::seal(pool, 100).await? {
            return Ok(sealed);
        }
    }
    anyhow::bail!("it is never sealed")
}

#[tokio::test]
async fn seals_are_never_changed() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    post(database.pool(), &moved(house, customers[0], 1)).await??;
    sealed(database.pool()).await?;
    for sql in ["update ledger_seal set transfers = 1", "delete from ledger_seal", "truncate ledger_seal"] {
        assert!(sqlx::query(sql).execute(database.pool()).await.is_err(), "{sql}");
    }
    Ok(())
}

/// Whoever adds a column adds it to the digest, and gives the encoding another number.
#[tokio::test]
async fn every_column_of_a_transfer_is_in_its_digest() -> Result<()> {
    let database = Database::new().await;
    let columns: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.columns where table_name = 'ledger_transfer' order by 1",
    )
    .fetch_all(database.pool())
    .await?;
    let encoded = "amount code created_at credit_account debit_account event_at kind partly pending_id position \
                   reference reverses timeout_secs transfer_id";
    assert_eq!(columns.join(" "), encoded);
    Ok(())
}
