//! Many at once.

use std::{collections::HashSet, sync::Arc};

use anyhow::Result;
use billing_core::ledger::{self, LedgerError, Recorded, Refusal, Writer};
use test_support::Database;
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    Amount, Transfer,
    world::{accounts, available, held, moved},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_five_times_each_have_one_effect_and_equal_answers() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 10).await?;
    let asked: Arc<Vec<Transfer>> =
        Arc::new((0..1_000).map(|n| moved(house, customers[n % customers.len()], 3)).collect());
    let (writer, barrier) = (Writer::start(database.pool().clone()), Arc::new(Barrier::new(8)));
    let mut clients = JoinSet::new();
    for client in 0..8 {
        let (asked, writer, barrier, pool) = (asked.clone(), writer.clone(), barrier.clone(), database.pool().clone());
        clients.spawn(async move {
            barrier.wait().await;
            let mut answers = Vec::new();
            // Five thousand requests, dealt out so that those of one id are with five clients.
            for number in (0..5_000).filter(|number| number % 8 == client) {
                let transfer = asked[number % 1_000].clone();
                let answer = match client % 2 {
                    0 => writer.post_one(transfer).await?,
                    _ => ledger::post_one(&pool, &transfer).await?,
                };
                answers.push(answer.map_err(anyhow::Error::from)?);
            }
            anyhow::Ok(answers)
        });
    }
    let mut answers: Vec<Recorded> = Vec::new();
    while let Some(client) = clients.join_next().await {
        answers.extend(client??);
    }

    let first = answers.iter().filter(|answer| !answer.existed).count();
    let distinct: HashSet<_> = answers.iter().map(|answer| (answer.id, answer.amount, answer.created_at)).collect();
    assert_eq!((answers.len(), first, distinct.len()), (5_000, 1_000, 1_000));
    let (rows, sum): (i64, Amount) =
        sqlx::query_as("select count(*), sum(amount) from ledger_transfer").fetch_one(database.pool()).await?;
    assert_eq!((rows, sum), (1_000, Amount::from(3_000)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_ask_for_the_last_at_once_one_is_given_it() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    let customer = customers[0];
    ledger::post(database.pool(), &[moved(house, customer, 5)]).await?.remove(0)?;
    let (writer, barrier) = (Writer::start(database.pool().clone()), Arc::new(Barrier::new(32)));
    let mut clients = JoinSet::new();
    for client in 0..32 {
        let (writer, barrier, pool) = (writer.clone(), barrier.clone(), database.pool().clone());
        clients.spawn(async move {
            barrier.wait().await;
            let transfer = moved(customer, house, 4);
            match client % 2 {
                0 => writer.post_one(transfer).await,
                _ => ledger::post_one(&pool, &transfer).await,
            }
        });
    }
    let mut given = 0;
    while let Some(answer) = clients.join_next().await {
        match answer?? {
            Ok(_) => given += 1,
            Err(refusal) => assert!(matches!(refusal, Refusal::Overdraft { .. }), "{refusal}"),
        }
    }
    assert_eq!(given, 1);
    Ok(())
}

/// A hold whose time is over is in the way of the one round trip: each of them takes the longer way at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_come_by_the_end_of_a_hold_at_once_take_nothing_from_each_other() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    let customer = customers[0];
    ledger::post(database.pool(), &[moved(house, customer, 1_000)]).await?.remove(0)?;
    for round in 1..=20 {
        ledger::post(database.pool(), &[held(customer, house, 5, false)]).await?.remove(0)?;
        sqlx::query("update ledger_hold set expires_at = now() where ended is null").execute(database.pool()).await?;
        let barrier = Arc::new(Barrier::new(8));
        let mut clients = JoinSet::new();
        for _ in 0..8 {
            let (writer, barrier) = (Writer::start(database.pool().clone()), barrier.clone());
            clients.spawn(async move {
                barrier.wait().await;
                writer.post_one(moved(customer, house, 1)).await
            });
        }
        while let Some(client) = clients.join_next().await {
            client??.map_err(anyhow::Error::from)?;
        }
        assert_eq!(available(database.pool(), customer).await?, Amount::from(1_000 - 8 * round));
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_posted_in_a_transaction_that_nobody_began() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    let (mut conn, transfer) = (database.pool().acquire().await?, moved(house, customers[0], 5));
    let one = ledger::post_one_in_tx(&mut conn, &transfer).await;
    let batch = ledger::post_in_tx(&mut conn, &[std::slice::from_ref(&transfer)]).await;
    assert!(matches!((one, batch), (Err(LedgerError::NoTransaction), Err(LedgerError::NoTransaction))));
    Ok(())
}

/// The first account of the hold is behind the others' accounts, the second one before them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_come_by_the_end_of_a_hold_in_transactions_of_their_own_wait_in_one_order() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 2).await?;
    let (before, behind) = (customers[0], customers[1]);
    for customer in [before, behind] {
        ledger::post(database.pool(), &[moved(house, customer, 1_000)]).await?.remove(0)?;
    }
    for _ in 0..20 {
        ledger::post(database.pool(), &[held(behind, before, 5, false)]).await?.remove(0)?;
        sqlx::query("update ledger_hold set expires_at = now() where ended is null").execute(database.pool()).await?;
        let barrier = Arc::new(Barrier::new(8));
        let mut clients = JoinSet::new();
        for client in 0..8 {
            let (pool, barrier) = (database.pool().clone(), barrier.clone());
            let transfer = if client % 2 == 0 { moved(behind, house, 1) } else { moved(before, behind, 1) };
            clients.spawn(async move {
                let mut tx = pool.begin().await?;
                barrier.wait().await;
                let answer = ledger::post_one_in_tx(&mut tx, &transfer).await?;
                tx.commit().await?;
                anyhow::Ok(answer)
            });
        }
        while let Some(client) = clients.join_next().await {
            client???;
        }
    }
    assert_eq!(available(database.pool(), before).await?, Amount::from(1_000 - 4 * 20));
    Ok(())
}

#[tokio::test]
async fn what_is_written_cannot_be_changed_and_no_buggy_caller_overdraws() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    ledger::post(database.pool(), &[moved(house, customers[0], 5)]).await?.remove(0)?;
    for sql in [
        "update ledger_transfer set amount = 6",
        "delete from ledger_transfer",
        "truncate ledger_transfer",
        "update ledger_account set debits_posted = 6 where limited = 'debits'",
        "update ledger_account set debits_pending = 6 where limited = 'debits'",
        "update ledger_account set credits_posted = -1 where limited is null",
    ] {
        assert!(sqlx::query(sql).execute(database.pool()).await.is_err(), "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_has_the_privilege_to_change_what_is_written() -> Result<()> {
    let database = Database::new().await;
    let privileges: Vec<String> = sqlx::query_scalar(
        "select distinct privilege_type
           from pg_class, lateral aclexplode(relacl)
          where oid in ('ledger_transfer'::regclass, 'ledger_seal'::regclass)
          order by privilege_type",
    )
    .fetch_all(database.pool())
    .await?;
    assert_eq!(privileges, ["INSERT", "REFERENCES", "SELECT", "TRIGGER"]);
    Ok(())
}
