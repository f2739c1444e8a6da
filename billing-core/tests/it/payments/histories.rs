//! A thousand histories of webhooks, lost answers and crashes: each ends with one credit for each payment that was paid.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use billing_core::payments::{self, Status};
use billing_fiat::{Outcome, RefundOutcome};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    Shop,
    history::{Event, History, events},
    shop::CREDITS,
};
use crate::mirror::on_runtime;

/// Histories of one test; there are four.
const HISTORIES: u32 = 250;

#[test]
fn each_paid_payment_is_credited_once_1() -> Result<()> {
    histories(1)
}

#[test]
fn each_paid_payment_is_credited_once_2() -> Result<()> {
    histories(2)
}

#[test]
fn each_paid_payment_is_credited_once_3() -> Result<()> {
    histories(3)
}

#[test]
fn each_paid_payment_is_credited_once_4() -> Result<()> {
    histories(4)
}

fn histories(seed: u8) -> Result<()> {
    on_runtime(async move {
        let shop = Shop::open().await?;
        let mut runner =
            TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
        let number = std::env::var("ABONO_PAYMENT_HISTORIES").ok().and_then(|text| text.parse().ok());
        for number in 0..number.unwrap_or(HISTORIES) {
            let history = events().new_tree(&mut runner).expect("a history").current();
            let seed = u64::from(number) + u64::from(seed) * 1_000_000;
            holds(&shop, format!("customer-{number}"), seed, &history)
                .await
                .with_context(|| format!("{history:#?}"))?;
        }
        shop.assert_books().await?;
        money_is_where_the_provider_has_it(&shop).await
    })
}

async fn holds(shop: &Shop, owner: String, seed: u64, history: &[(Event, Option<u32>)]) -> Result<()> {
    let mut customer = History::new(shop, owner);
    shop.fake.lose_answers(150, seed);
    for (event, killed) in history {
        customer.happens(*event, *killed).await.with_context(|| format!("{event:?}"))?;
    }
    shop.fake.lose_answers(0, seed);
    // What is still on its way never arrives: nothing may depend on it.
    drop(shop.fake.take_notifications());
    shop.settle().await?;
    let truth: HashMap<_, _> =
        shop.fake.all_payments().into_iter().filter_map(|payment| Some((payment.reference?, payment))).collect();
    let mut bought = 0;
    let ours = payments::page(shop.pool(), &customer.owner, None, 100).await?;
    for own in &ours {
        ensure!(own.trouble.is_none(), "{own:#?}");
        let paid = truth.get(&own.id.0).is_some_and(|there| there.outcome == Outcome::Succeeded);
        ensure!((own.status == Status::Succeeded) == paid, "{own:#?}\n{:#?}", truth.get(&own.id.0));
        let given: i64 = sqlx::query_scalar("select count(*) from ledger_grant where grant_id = $1")
            .bind(own.id)
            .fetch_one(shop.pool())
            .await?;
        ensure!(given == i64::from(paid), "{given} grants of {own:#?}");
        bought += u64::from(paid) * CREDITS;
    }
    ensure!(ours.len() <= customer.asked.len(), "a key made two payments");
    let taken: i64 = sqlx::query_scalar(
        "select coalesce(sum(refund.credits), 0)::bigint from refund join payment using (payment_id)
          where owner = $1 and refund.status <> 'canceled'",
    )
    .bind(&customer.owner)
    .fetch_one(shop.pool())
    .await?;
    // Whoever has not paid by now never will: later histories need not ask about it.
    for open in ours.iter().filter(|own| own.status.is_open()) {
        if let Some(external) = &open.external_id {
            shop.fake.expire(external)?;
        }
    }
    let left = shop.credits(&customer.owner).await?;
    ensure!(
        bought == left + customer.spent + taken.unsigned_abs(),
        "{bought} bought, {left} left, {} spent, {taken} taken back",
        customer.spent
    );
    Ok(())
}

/// The rail's account is what was paid less what was given back and what the provider keeps, to the kopeck.
async fn money_is_where_the_provider_has_it(shop: &Shop) -> Result<()> {
    // A refund that nobody heard of is found by comparing.
    let window = billing_fiat::Window {
        since: shop.now() - time::Duration::days(1),
        until: shop.now() + time::Duration::days(1),
    };
    payments::reconcile(shop.pool(), &shop.fake, window, shop.now()).await?;
    shop.settle().await?;
    let again = payments::reconcile(shop.pool(), &shop.fake, window, shop.now()).await?;
    ensure!(again.differences.is_empty(), "{:#?}", again.differences);
    let payments = shop.fake.all_payments();
    let paid = payments.iter().filter(|payment| payment.outcome == Outcome::Succeeded);
    let kept: i64 = paid.map(|payment| payment.amount.minor() - payment.fee_minor.unwrap_or_default()).sum();
    let refunds = shop.fake.all_refunds();
    let back = refunds.iter().filter(|refund| refund.outcome == RefundOutcome::Succeeded);
    let back: i64 = back.map(|refund| refund.amount.minor()).sum();
    assert_eq!(shop.balance("RUB", "rail:fake").await?, i128::from(back - kept));
    assert_eq!(shop.balance("RUB", "suspense").await?, 0);
    shop.assert_books().await
}
