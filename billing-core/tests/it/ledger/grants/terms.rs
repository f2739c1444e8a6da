//! The terms of grants, one by one.

use anyhow::{Result, ensure};
use billing_core::ledger::{
    Answer, House, Refusal,
    grants::{self, Category, Cost, Paid},
};
use sqlx::PgPool;
use test_support::Database;
use time::{Duration, OffsetDateTime};

use super::{Amount, GrantId, HELD, TransferId, Verb, asked, balance, begin, given, spent};

async fn left(pool: &PgPool, grant: GrantId) -> Result<i64> {
    let left = sqlx::query_scalar(
        "select (credits_posted - debits_posted - debits_pending)::bigint from ledger_account where account_id = $1",
    );
    Ok(left.bind(grant.0).fetch_one(pool).await?)
}

#[tokio::test]
async fn promotional_credits_are_spent_before_paid_ones_and_the_first_to_expire_first() -> Result<()> {
    let database = Database::new().await;
    begin(database.pool()).await?;
    let soon = OffsetDateTime::now_utc() + Duration::days(1);
    let mut all = [given("anna", 100), given("anna", 100), given("anna", 100), given("anna", 100)];
    (all[0].category, all[0].priority) = (Category::Paid, 60);
    (all[1].priority, all[1].expires_at) = (40, Some(soon + Duration::days(1)));
    (all[2].priority, all[2].expires_at) = (40, Some(soon));
    all[3].priority = 40;
    for grant in &all {
        asked(database.pool(), &Verb::Give(grant.clone())).await??;
    }
    asked(database.pool(), &Verb::Spend(spent("anna", 250))).await??;
    let holdings = grants::holdings(&mut *database.pool().acquire().await?, "anna").await?;
    let open: Vec<_> = holdings.iter().map(|holding| (holding.id, holding.left.units())).collect();
    ensure!(open == [(all[3].id, 50), (all[0].id, 100)], "{holdings:?}");
    let mut there = Vec::new();
    for grant in &all {
        there.push(left(database.pool(), grant.id).await?);
    }
    ensure!(there == [100, 0, 0, 50], "{there:?}");
    Ok(())
}

#[tokio::test]
async fn what_pays_for_one_kind_of_product_pays_for_no_other() -> Result<()> {
    let database = Database::new().await;
    begin(database.pool()).await?;
    let mut grant = given("anna", 10);
    grant.applies_to = vec!["image".to_owned(), "video".to_owned()];
    asked(database.pool(), &Verb::Give(grant)).await??;
    let mut spend = spent("anna", 1);
    for (product, allowed) in [(None, false), (Some("text"), false), (Some("video"), true)] {
        spend.product = product.map(str::to_owned);
        let answer = asked(database.pool(), &Verb::Spend(spend.clone())).await?;
        ensure!(answer.is_ok() == allowed, "{product:?}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn money_is_booked_with_the_credits_that_it_buys() -> Result<()> {
    let database = Database::new().await;
    begin(database.pool()).await?;
    let mut grant = given("anna", 1_000);
    grant.category = Category::Paid;
    grant.cost = Some(Cost { asset: "RUB".to_owned(), amount: Amount::from(50_000) });
    let paid = Paid { rail: "yookassa".to_owned(), fee: Amount::from(1_750) };
    for existed in [false, true] {
        let mut tx = database.pool().begin().await?;
        let answer = grants::top_up(&mut tx, &grant, &paid).await??;
        tx.commit().await?;
        ensure!(answer.existed == existed && answer.amount == grant.amount);
    }
    let other = Paid { fee: Amount::from(1_751), ..paid };
    let answer = grants::top_up(&mut *database.pool().acquire().await?, &grant, &other).await?;
    ensure!(matches!(answer, Err(Refusal::Differs { field: "paid", .. })), "{answer:?}");
    for (house, balance) in [(House::Rail("yookassa"), -48_250), (House::Fees, -1_750), (House::Prepaid, 50_000)] {
        let there: i64 = sqlx::query_scalar(
            "select (credits_posted - debits_posted)::bigint from ledger_account where account_id = $1",
        )
        .bind(house.account("RUB").0)
        .fetch_one(database.pool())
        .await?;
        ensure!(there == balance, "{house:?} has {there}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_held_before_its_expiry_can_be_committed_after_it_and_what_is_given_back_is_gone() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    begin(pool).await?;
    let mut grant = given("anna", 100);
    grant.expires_at = Some(OffsetDateTime::now_utc() + Duration::milliseconds(1_500));
    asked(pool, &Verb::Give(grant.clone())).await??;
    let hold = spent("anna", 60);
    asked(pool, &Verb::Hold(hold.clone(), HELD)).await??;
    tokio::time::sleep(std::time::Duration::from_millis(1_600)).await;
    ensure!(matches!(
        asked(pool, &Verb::Spend(spent("anna", 1))).await?,
        Err(Refusal::NotEnough { available: Amount::ZERO, .. })
    ));
    let commit =
        Verb::Commit { id: TransferId::new(), hold: hold.id, amount: Some(Amount::from(25)), keep_rest: false };
    asked(pool, &commit).await??;
    let later = OffsetDateTime::now_utc() + Duration::minutes(1);
    ensure!(balance(pool, "anna", later).await? == 0);
    let Verb::Commit { id, .. } = commit else { unreachable!() };
    asked(pool, &Verb::Refund { id: TransferId::new(), of: id, amount: None }).await??;
    ensure!(balance(pool, "anna", later).await? == 0);
    ensure!(matches!(asked(pool, &Verb::Spend(spent("anna", 1))).await?, Err(Refusal::NotEnough { .. })));
    Ok(())
}

#[tokio::test]
async fn who_spends_at_once_from_the_same_grants_spends_together_no_more_than_there_is() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    begin(pool).await?;
    for _ in 0..5 {
        asked(pool, &Verb::Give(given("anna", 30))).await??;
    }
    let tasks = (0..40).map(|number| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let verb = if number % 2 == 0 { Verb::Spend(spent("anna", 7)) } else { Verb::Hold(spent("anna", 7), HELD) };
            asked(&pool, &verb).await
        })
    });
    let mut answers: Vec<Answer> = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        answers.push(task.await??);
    }
    let given = answers.iter().filter(|answer| answer.is_ok()).count();
    ensure!(given == 150 / 7, "{given} of 40 were given 7 of 150");
    Ok(())
}

#[tokio::test]
async fn the_same_id_with_another_amount_is_told_so_even_if_that_is_nothing() -> Result<()> {
    let database = Database::new().await;
    begin(database.pool()).await?;
    let (mut grant, mut spend) = (given("anna", 10), spent("anna", 4));
    asked(database.pool(), &Verb::Give(grant.clone())).await??;
    asked(database.pool(), &Verb::Spend(spend.clone())).await??;
    (grant.amount, spend.amount) = (Amount::ZERO, Amount::ZERO);
    for verb in [Verb::Give(grant), Verb::Spend(spend)] {
        let answer = asked(database.pool(), &verb).await?;
        ensure!(matches!(answer, Err(Refusal::Differs { .. })), "{verb:?} is answered {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_grant_is_revoked_and_never_refunded() -> Result<()> {
    let database = Database::new().await;
    begin(database.pool()).await?;
    let mut grant = given("anna", 10);
    grant.expires_at = Some(OffsetDateTime::now_utc() + Duration::days(1));
    asked(database.pool(), &Verb::Give(grant.clone())).await??;
    let of = TransferId(grant.id.0);
    let answer = asked(database.pool(), &Verb::Refund { id: TransferId::new(), of, amount: None }).await?;
    ensure!(answer == Err(Refusal::NoTransfer(of)), "{answer:?}");
    ensure!(left(database.pool(), grant.id).await? == 10);
    Ok(())
}
