//! What a payment is worth, and how it goes back.

use anyhow::Result;
use billing_core::{
    ids::{PaymentId, RefundId},
    payments::{self, PaymentError, Refund, RefundPolicy, RefundStatus, Status, refund},
};
use billing_fiat::Money;
use fiat_emulators::contract::Lost;

use super::{
    Shop,
    history::History,
    shop::{CREDITS, PRICE, rub, top_up},
};

async fn refunded(
    shop: &Shop,
    payment: PaymentId,
    amount: Option<Money>,
    policy: RefundPolicy,
) -> Result<Refund, PaymentError> {
    let mut db_tx = shop.pool().begin().await?;
    let refund = refund::request_in_tx(&mut db_tx, RefundId::new(), payment, amount, policy, "asked for").await?;
    db_tx.commit().await?;
    Ok(refund)
}

#[tokio::test]
async fn a_paid_payment_is_credits_money_and_a_fee() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.paid("anna").await?;

    assert_eq!(payment.status, Status::Succeeded);
    assert_eq!(shop.credits("anna").await?, CREDITS);
    let fee = payment.fee_minor.expect("the provider said");
    assert_eq!(shop.balance("RUB", "rail:fake").await?, i128::from(fee - PRICE));
    assert_eq!(shop.balance("RUB", "prepaid").await?, i128::from(PRICE));
    assert_eq!(shop.balance("RUB", "fees").await?, i128::from(-fee));
    shop.assert_books().await
}

#[tokio::test]
async fn the_same_key_is_one_payment_and_another_order_is_refused() -> Result<()> {
    let shop = Shop::open().await?;
    let (first, second) = tokio::join!(shop.top_up("anna", "1"), shop.top_up("anna", "1"));
    assert_eq!(first?.id, second?.id);

    let mut other = top_up("anna", "1");
    other.amount = rub(PRICE + 1);
    let refused = payments::start(shop.pool(), &shop.providers, &other, shop.now()).await.expect_err("another order");

    assert!(matches!(refused, PaymentError::Differs), "{refused:?}");
    assert_eq!(shop.fake.all_payments().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_payment_whose_answer_was_lost_is_found_and_not_made_again() -> Result<()> {
    let shop = Shop::open().await?;
    for lost in [Lost::AfterEffect, Lost::BeforeEffect] {
        shop.fake.lose_next_answer(lost);
        let payment = shop.top_up("anna", &format!("{lost:?}")).await?;
        assert_eq!(payment.status, Status::Created);
        shop.settle().await?;
        assert_eq!(shop.find(payment.id).await?.status, Status::Pending);
    }
    assert_eq!(shop.fake.all_payments().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_payment_is_not_sent_again_when_its_key_may_be_forgotten() -> Result<()> {
    let shop = Shop::open().await?;
    shop.fake.lose_next_answer(Lost::BeforeEffect);
    let payment = shop.top_up("anna", "1").await?;
    shop.fake.advance(time::Duration::hours(24));

    shop.settle().await?;

    let own = shop.find(payment.id).await?;
    assert_eq!(
        (own.status, own.canceled.map(|canceled| canceled.code)),
        (Status::Canceled, Some("never_made".to_owned()))
    );
    assert!(shop.fake.all_payments().is_empty());
    Ok(())
}

#[tokio::test]
async fn killed_at_any_step_a_top_up_is_one_payment() -> Result<()> {
    let shop = Shop::open().await?;
    for steps in 0..60 {
        let key = format!("killed at {steps}");
        let done = shop.killed_at(Some(steps), async |process| process.top_up("anna", &key).await).await?;
        shop.time_passes().await?;
        let payment = shop.top_up("anna", &key).await?;
        shop.settle().await?;
        assert_eq!(shop.find(payment.id).await?.status, Status::Pending, "{steps}");
        if done.is_some() {
            assert!(steps > 3, "it never waits");
            break;
        }
    }
    let made = shop.fake.all_payments();
    let keys = shop.count("select count(*) from payment").await?;
    assert_eq!(i64::try_from(made.len())?, keys);
    Ok(())
}

#[tokio::test]
async fn what_is_unused_is_refunded_and_what_is_used_is_not() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.paid("anna").await?;
    let mut anna = History::new(&shop, "anna".to_owned());
    anna.happens(super::history::Event::Spends(400), None).await?;

    let refused = refunded(&shop, payment.id, Some(rub(30_001)), RefundPolicy::Unused).await.expect_err("used");
    assert!(
        matches!(refused, PaymentError::NotRefundable { most: Some(most), .. } if most == rub(30_000)),
        "{refused:?}"
    );
    let part = refunded(&shop, payment.id, Some(rub(10_000)), RefundPolicy::Unused).await?;
    assert_eq!(shop.credits("anna").await?, 400, "taken back at once");
    let rest = refunded(&shop, payment.id, None, RefundPolicy::Unused).await?;
    shop.settle().await?;

    assert_eq!((part.amount, rest.amount), (rub(10_000), rub(20_000)));
    assert_eq!(shop.credits("anna").await?, 0);
    assert_eq!(shop.balance("RUB", "prepaid").await?, 20_000);
    let all = refund::of(shop.pool(), payment.id).await?;
    assert!(all.iter().all(|refund| refund.status == RefundStatus::Succeeded), "{all:#?}");
    assert!(refunded(&shop, payment.id, None, RefundPolicy::Unused).await.is_err(), "nothing unused is left");
    shop.assert_books().await
}

#[tokio::test]
async fn goodwill_gives_money_back_for_what_was_used_too() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.paid("anna").await?;
    let mut anna = History::new(&shop, "anna".to_owned());
    anna.happens(super::history::Event::Spends(900), None).await?;

    let refund = refunded(&shop, payment.id, None, RefundPolicy::Goodwill).await?;
    shop.settle().await?;

    assert_eq!(refund.amount, rub(PRICE));
    assert_eq!(shop.credits("anna").await?, 0);
    assert_eq!(shop.balance("RUB", "prepaid").await?, 0);
    shop.assert_books().await
}

#[tokio::test]
async fn a_refund_that_the_provider_cancels_gives_the_credits_again() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.paid("anna").await?;
    shop.fake.set_slow_refunds(true);
    let refund = refunded(&shop, payment.id, Some(rub(25_000)), RefundPolicy::Unused).await?;
    shop.settle().await?;
    assert_eq!(shop.credits("anna").await?, 500);
    let there = shop.fake.all_refunds().pop().expect("it was sent");

    shop.fake.cancel_refund(&there.external_id, "insufficient_funds")?;
    drop(shop.fake.take_notifications());
    shop.settle().await?;

    assert_eq!(shop.credits("anna").await?, CREDITS);
    let own = refund::of(shop.pool(), payment.id).await?;
    assert_eq!((own[0].id, own[0].status), (refund.id, RefundStatus::Canceled));
    assert_eq!(shop.balance("RUB", "prepaid").await?, i128::from(PRICE));
    shop.assert_books().await
}
