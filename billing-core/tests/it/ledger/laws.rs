//! The ledger in PostgreSQL beside the model, by every way of posting.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use billing_core::ledger::{self, Answer, NewAccount, Refusal};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use sqlx::PgPool;
use test_support::Database;

use super::world;
use super::{
    Amount, Transfer,
    model::{ACCOUNTS, Model, Step, account, asset, limited, steps, transfer},
};
use crate::mirror::on_runtime;

/// Of the model's second, so that the test's own time does not count.
const SECOND: i32 = 3_600;

/// Starts over with empty accounts.
async fn begin(pool: &PgPool) -> Result<()> {
    sqlx::raw_sql(
        "set session_replication_role = replica; truncate ledger_grant, ledger_transfer, ledger_hold, ledger_account; reset session_replication_role",
    )
    .execute(&mut *pool.acquire().await?)
    .await?;
    let mut conn = pool.acquire().await?;
    ledger::name_asset(&mut conn, "credits", 2).await?;
    ledger::name_asset(&mut conn, "RUB", 2).await?;
    let accounts = (0..ACCOUNTS).map(|number| NewAccount {
        id: account(number),
        asset: asset(number).to_owned(),
        kind: "test".to_owned(),
        owner: None,
        limited: limited(number),
    });
    ledger::open_accounts(&mut conn, &accounts.collect::<Vec<_>>()).await?;
    Ok(())
}

async fn totals(pool: &PgPool) -> Result<Vec<[u128; 4]>> {
    let rows: Vec<(Amount, Amount, Amount, Amount)> = sqlx::query_as(
        "select debits_pending, debits_posted, credits_pending, credits_posted from ledger_account order by account_id",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(a, b, c, d)| [a, b, c, d].map(Amount::units)).collect())
}

/// Everything, so that a refusal that wrote anything is seen.
async fn everything(pool: &PgPool) -> Result<Vec<String>> {
    let rows = sqlx::query_scalar(
        "select transfer::text from ledger_transfer as transfer union all select hold::text from ledger_hold as hold
          union all select account::text from ledger_account as account order by 1",
    );
    Ok(rows.fetch_all(pool).await?)
}

async fn pass(pool: &PgPool, seconds: u8) -> Result<()> {
    sqlx::query("update ledger_hold set expires_at = expires_at - make_interval(secs => $1) where ended is null")
        .bind(f64::from(i32::from(seconds) * SECOND))
        .execute(pool)
        .await?;
    Ok(())
}

fn slowed(step: &Step) -> Option<Transfer> {
    let mut transfer = transfer(step)?;
    if let super::Action::Hold { timeout_secs: Some(secs), .. } = &mut transfer.action {
        *secs *= SECOND.unsigned_abs();
    }
    Some(transfer)
}

/// How transfers are posted, and who ends holds whose time is over.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// One round trip each; the sweeper.
    Plainly,
    /// As a batch, by what it changes; the sweeper.
    Batched,
    /// By the fold; the sweeper.
    Folded,
    /// By the fold; whoever comes by.
    Unswept,
}

async fn holds_at_every_step(pool: &PgPool, steps: &[Step], way: Way) -> Result<()> {
    begin(pool).await?;
    let (mut model, mut known) = (Model::default(), BTreeMap::new());
    for step in steps {
        let Some(transfer) = slowed(step) else {
            if let Step::Wait { seconds } = step {
                pass(pool, *seconds).await?;
                model.now += i64::from(*seconds);
                model.expire();
            }
            if !matches!(way, Way::Unswept) {
                while ledger::sweep(pool, 3).await? > 0 {}
            }
            continue;
        };
        let before = everything(pool).await?;
        let answer = post(pool, &transfer, way).await?;
        if let Some(first) = known.get(&transfer.id) {
            let same = answer.as_ref().is_ok_and(|answer| answer.existed && answer.created_at == *first);
            ensure!(same || matches!(answer, Err(Refusal::Differs { .. })), "{answer:?}");
        } else {
            ensure!(answer.is_ok() == model.step(step), "{step:?} is answered {answer:?}");
        }
        match answer {
            Ok(recorded) => drop(known.insert(transfer.id, recorded.created_at)),
            // Who comes by ends what is over, also where he is refused.
            Err(_) if matches!(way, Way::Unswept) => {}
            Err(refusal) => ensure!(everything(pool).await? == before, "refused and written: {refusal}"),
        }
        if !matches!(way, Way::Unswept) {
            ensure!(totals(pool).await? == expected(&model), "after {step:?}");
        }
    }
    while ledger::sweep(pool, 7).await? > 0 {}
    ensure!(totals(pool).await? == expected(&model), "at the end");
    time_goes_on_along_every_account(pool).await
}

/// Along an account neither positions nor the clock go back.
async fn time_goes_on_along_every_account(pool: &PgPool) -> Result<()> {
    let back: i64 = sqlx::query_scalar(
        "with sides as (
             select debit_account as account_id, position, created_at from ledger_transfer
             union all
             select credit_account, position, created_at from ledger_transfer
         ), along as (
             select created_at, lag(created_at) over (partition by account_id order by position) as earlier from sides
         )
         select count(*) from along where created_at < earlier",
    )
    .fetch_one(pool)
    .await?;
    ensure!(back == 0, "{back} are earlier than the one before");
    Ok(())
}

fn expected(model: &Model) -> Vec<[u128; 4]> {
    (0..ACCOUNTS).map(|number| model.totals(number)).collect()
}

async fn post(pool: &PgPool, transfer: &Transfer, way: Way) -> Result<Answer> {
    if matches!(way, Way::Plainly) {
        return Ok(ledger::post_one(&mut *pool.acquire().await?, transfer).await?);
    }
    let one = std::slice::from_ref(transfer);
    if matches!(way, Way::Batched) {
        return Ok(ledger::post(pool, one).await?.remove(0));
    }
    // One beside it that is refused is in the way of both.
    let nothing = world::moved(account(0), account(1), 0);
    let mut tx = pool.begin().await?;
    let mut answers = ledger::post_in_tx(&mut tx, &[one, std::slice::from_ref(&nothing)]).await?;
    tx.commit().await?;
    ensure!(answers.pop() == Some(vec![Err(Refusal::Nothing)]), "nothing is moved");
    Ok(answers.concat().remove(0))
}

macro_rules! after_any_history {
    ($($name:ident, $way:expr;)*) => { $(
        #[test]
        fn $name() -> Result<()> {
            on_runtime(async {
                let database = Database::new().await;
                for history in histories(world::histories(60)) {
                    let held = holds_at_every_step(database.pool(), &history, $way).await;
                    held.with_context(|| format!("{history:#?}"))?;
                }
                Ok(())
            })
        }
    )* };
}

after_any_history! {
    totals_are_the_models_after_every_step_in_one_round_trip, Way::Plainly;
    totals_are_the_models_after_every_step_by_what_it_changes, Way::Batched;
    totals_are_the_models_after_every_step_by_the_fold, Way::Folded;
    totals_are_the_models_in_the_end_without_a_sweeper, Way::Unswept;
}

/// Always the same ones.
fn histories(number: usize) -> Vec<Vec<Step>> {
    let mut runner = TestRunner::deterministic();
    let drawn = (0..number).map(|_| steps().new_tree(&mut runner).expect("a history").current());
    drawn.collect()
}
