//! What went wrong in other ledgers.

use std::sync::Arc;

use anyhow::Result;
use billing_core::ledger::{self, Answer, Ended, Refusal};
use test_support::Database;
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    Amount, Transfer,
    world::{accounts, asked, available, commit, held, moved, post, release},
};

/// Blnk #181: six holds of 1,000 on 5,000, overdrawn at the commit.
#[tokio::test]
async fn holds_are_counted_when_the_next_one_is_asked_for() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    post(database.pool(), &moved(house, customers[0], 5_000)).await??;
    let holds: Vec<Transfer> = (0..6).map(|_| held(customers[0], house, 1_000, false)).collect();
    let mut refused = 0;
    for hold in &holds {
        refused += usize::from(post(database.pool(), hold).await?.is_err());
    }
    for hold in &holds[..5] {
        post(database.pool(), &commit(hold, 1_000, false)).await??;
    }
    assert_eq!((refused, available(database.pool(), customers[0]).await?), (1, Amount::ZERO));
    Ok(())
}

/// Blnk #182: a hold that was refused was applied through its id later.
#[tokio::test]
async fn a_refused_hold_cannot_be_committed() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    let hold = held(customers[0], house, 1, false);
    assert!(matches!(post(database.pool(), &hold).await?, Err(Refusal::Overdraft { .. })));
    post(database.pool(), &moved(house, customers[0], 1)).await??;
    assert_eq!(post(database.pool(), &commit(&hold, 1, false)).await?, Err(Refusal::NoHold(hold.id)));
    Ok(())
}

/// Blnk #41, #43: the same hold given back more than once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_given_back_once_however_many_ask() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    post(database.pool(), &moved(house, customers[0], 10)).await??;
    let hold = held(customers[0], house, 10, false);
    post(database.pool(), &hold).await??;
    let answers = at_once(&database, (0..16).map(|_| release(&hold)).collect()).await?;
    let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(given.len(), 1);
    let ended = Err(Refusal::HoldEnded { hold: hold.id, how: Ended::Voided });
    assert!(refused.iter().all(|answer| *answer == ended), "{refused:?}");
    assert_eq!(available(database.pool(), customers[0]).await?, Amount::from(10));
    Ok(())
}

/// Blnk #171: commits of parts at once read the same rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_are_committed_at_once_are_together_no_more_than_the_hold() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    post(database.pool(), &moved(house, customers[0], 100)).await??;
    let hold = held(customers[0], house, 10, true);
    post(database.pool(), &hold).await??;
    let answers = at_once(&database, (0..16).map(|_| commit(&hold, 3, true)).collect()).await?;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    post(database.pool(), &commit(&hold, 1, true)).await??;
    let over = Err(Refusal::HoldEnded { hold: hold.id, how: Ended::Posted });
    assert_eq!(post(database.pool(), &commit(&hold, 1, true)).await?, over);
    assert_eq!(available(database.pool(), customers[0]).await?, Amount::from(90));
    Ok(())
}

/// Blnk #55: balances moved without a row. OpenMeter: a group that is asked for again is done again.
#[tokio::test]
async fn a_batch_asked_for_again_is_answered_the_same_and_every_total_has_its_rows() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 2).await?;
    let top_up = moved(house, customers[0], 10);
    let hold = held(customers[0], customers[1], 7, false);
    let batch = [top_up, hold.clone(), commit(&hold, 5, false), moved(customers[1], house, 1)];
    let first = ledger::post(database.pool(), &batch).await?;
    let again = ledger::post(database.pool(), &batch).await?;
    for (first, again) in first.iter().zip(&again) {
        let (first, again) = (first.as_ref().expect("written"), again.as_ref().expect("answered"));
        assert_eq!((first.id, first.amount, first.created_at), (again.id, again.amount, again.created_at));
        assert!(!first.existed && again.existed);
    }
    let differ: i64 = sqlx::query_scalar(
        "select count(*) from ledger_account as a
          where debits_posted <> coalesce((select sum(amount) from ledger_transfer
                                            where debit_account = a.account_id and kind in ('posted', 'post_pending')), 0)
             or credits_posted <> coalesce((select sum(amount) from ledger_transfer
                                             where credit_account = a.account_id and kind in ('posted', 'post_pending')), 0)
             or debits_pending <> 0 or credits_pending <> 0",
    )
    .fetch_one(database.pool())
    .await?;
    assert_eq!(differ, 0);
    Ok(())
}

/// Blnk #244, #276: locks in another order, and time-outs of locks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_to_and_fro_at_once_do_not_block_each_other_for_ever() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 4).await?;
    for customer in &customers {
        post(database.pool(), &moved(house, *customer, 1_000)).await??;
    }
    let pairs = (0..200_usize).map(|n| moved(customers[n % 4], customers[(n / 4 + n % 4 + 1) % 4], 1));
    let sound: Vec<Transfer> = pairs.filter(|transfer| !is_to_itself(transfer)).collect();
    let answers = at_once(&database, sound).await?;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    Ok(())
}

/// Lago #4985: nobody looked whether a balance is negative. Medici: fractions.
#[tokio::test]
async fn nothing_is_taken_that_is_not_there_to_the_last_unit() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    let most = Amount::MAX;
    let all = |debit, credit| asked(super::Action::Post(super::Movement { debit, credit, amount: most }));
    post(database.pool(), &all(house, customers[0])).await??;
    assert!(matches!(post(database.pool(), &moved(house, customers[0], 1)).await?, Err(Refusal::TooMuch(_))));
    post(database.pool(), &all(customers[0], house)).await??;
    assert!(matches!(post(database.pool(), &moved(customers[0], house, 1)).await?, Err(Refusal::Overdraft { .. })));
    Ok(())
}

fn is_to_itself(transfer: &Transfer) -> bool {
    matches!(transfer.action, super::Action::Post(movement) if movement.debit == movement.credit)
}

/// Each from a client of its own, half of them in one round trip.
async fn at_once(database: &Database, transfers: Vec<Transfer>) -> Result<Vec<Answer>> {
    let barrier = Arc::new(Barrier::new(transfers.len()));
    let mut clients = JoinSet::new();
    for (number, transfer) in transfers.into_iter().enumerate() {
        let (barrier, pool) = (barrier.clone(), database.pool().clone());
        clients.spawn(async move {
            barrier.wait().await;
            if number % 2 == 0 {
                return post(&pool, &transfer).await;
            }
            Ok(ledger::post_one(&mut *pool.acquire().await?, &transfer).await?)
        });
    }
    clients.join_all().await.into_iter().collect()
}
