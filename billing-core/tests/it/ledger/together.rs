//! Many at once.

use std::{collections::HashSet, sync::Arc};

use anyhow::Result;
use billing_core::{
    ids::AccountId,
    ledger::{self, LedgerError, NewAccount, Recorded, Refusal, Writer},
};
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
                    _ => ledger::post_one(&mut *pool.acquire().await?, &transfer).await?,
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
                _ => ledger::post_one(&mut *pool.acquire().await?, &transfer).await,
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

/// Without what a hold holds whose time is over nobody has enough: each of them takes the longer way at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_come_by_the_end_of_a_hold_at_once_take_nothing_from_each_other() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    let customer = customers[0];
    for _ in 0..20 {
        ledger::post(database.pool(), &[moved(house, customer, 8)]).await?.remove(0)?;
        ledger::post(database.pool(), &[held(customer, house, 8, false)]).await?.remove(0)?;
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
        assert_eq!(available(database.pool(), customer).await?, Amount::ZERO);
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
    for (customer, amount) in [(before, 1_000), (behind, 5)] {
        ledger::post(database.pool(), &[moved(house, customer, amount)]).await?.remove(0)?;
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
        assert_eq!(available(database.pool(), behind).await?, Amount::from(5));
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
        "update ledger_account set asset = 'RUB'",
        "update ledger_account set limited = null",
        "update ledger_account set account_id = gen_random_uuid()",
        "delete from ledger_account",
        "truncate ledger_account",
        "update ledger_asset set scale = 9",
        "delete from ledger_asset",
        "insert into ledger_account (account_id, asset, kind) values (gen_random_uuid(), 'nothing', 'test')",
        "insert into ledger_grant (grant_id, owner, asset, amount, category, priority)
         values (gen_random_uuid(), 'somebody', 'credits', 1, 'paid', 1)",
    ] {
        assert!(sqlx::query(sql).execute(database.pool()).await.is_err(), "{sql}");
    }
    Ok(())
}

/// What the writer knows of accounts it keeps: an account that is opened later is read then, and one asset is not taken for another.
#[tokio::test]
async fn transfers_that_share_a_transaction_stay_within_their_assets() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 2).await?;
    let writer = Writer::start(database.pool().clone());
    let later = NewAccount {
        id: AccountId::new(),
        asset: "later".to_owned(),
        kind: "test".to_owned(),
        owner: None,
        limited: None,
    };
    for is_open in [false, true] {
        let between = [(house, customers[0]), (house, later.id), (house, customers[1])];
        let asked = between.map(|(debit, credit)| writer.post(vec![moved(debit, credit, 1)]));
        let [first, other, last] = asked;
        let (first, other, last) = tokio::join!(first, other, last);
        assert!(first?[0].is_ok() && last?[0].is_ok());
        let refused = other?.remove(0);
        let expected = if is_open { Refusal::AssetsDiffer } else { Refusal::NoAccount(later.id) };
        assert_eq!(refused, Err(expected));
        let mut conn = database.pool().acquire().await?;
        ledger::name_asset(&mut conn, &later.asset, 0).await?;
        ledger::open_accounts(&mut conn, std::slice::from_ref(&later)).await?;
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

/// The second one waits for the first at the id, between accounts that nobody else locks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_two_use_at_once_stands_for_what_was_first() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 3).await?;
    for customer in &customers {
        ledger::post(database.pool(), &[moved(house, *customer, 10)]).await?.remove(0)?;
    }
    let first = moved(customers[0], house, 1);
    let second = Transfer { id: first.id, ..moved(customers[1], customers[2], 1) };
    let mut tx = database.pool().begin().await?;
    ledger::post_one_in_tx(&mut tx, &first).await??;
    let pool = database.pool().clone();
    let late = tokio::spawn(async move { ledger::post(&pool, &[second]).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    tx.commit().await?;
    let answer = late.await??.remove(0);
    assert!(matches!(answer, Err(Refusal::Differs { .. })), "{answer:?}");
    assert_eq!(available(database.pool(), customers[1]).await?, Amount::from(10));
    Ok(())
}

/// Sessions that the server ends, those that wait for the disk too: who asks again is answered in the end, and once; who asks for the first time
/// is never told that it stood there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_whose_sessions_are_ended_goes_on() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 4).await?;
    let writer = Writer::start(database.pool().clone());
    let mut clients = JoinSet::new();
    for client in 0..16 {
        let (writer, customer) = (writer.clone(), customers[client % customers.len()]);
        clients.spawn(async move {
            for _ in 0..40 {
                let transfer = moved(house, customer, 1);
                for again in std::iter::once(false).chain(std::iter::repeat(true)) {
                    match writer.post_one(transfer.clone()).await {
                        Ok(Ok(recorded)) => {
                            assert!(again || !recorded.existed, "{recorded:?}");
                            break;
                        }
                        _ => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
                    }
                }
            }
        });
    }
    let killer = database.pool().clone();
    let ended = tokio::spawn(async move {
        let mut ended = 0;
        for _ in 0..15 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                        where datname = current_database() and pid <> pg_backend_pid()
                          and (query like '%ledger_write%' or query like '%emit_message%')";
            ended += sqlx::query_scalar::<_, i64>(sql).fetch_one(&killer).await.unwrap_or_default();
        }
        ended
    });
    while let Some(client) = clients.join_next().await {
        client?;
    }
    assert!(ended.await? > 0);
    let (rows, sum): (i64, Amount) =
        sqlx::query_as("select count(*), sum(amount) from ledger_transfer").fetch_one(database.pool()).await?;
    assert_eq!((rows, sum), (640, Amount::from(640)));
    Ok(())
}
