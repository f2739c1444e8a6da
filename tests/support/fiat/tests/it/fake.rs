use billing_fiat::{
    Buyer, CancelReason, Capabilities, Capture, Currency, DisputeStatus, FiatProvider, Money, NewPayment, NewRefund,
    Outcome, Payment, Pays, ProviderError, RefundOutcome,
};
use fiat_emulators::{
    FakeProvider,
    contract::{self, Lost},
};
use time::Duration;
use uuid::Uuid;

use crate::fake_stage::FakeStage;

fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub).expect("an amount")
}

fn on_page() -> NewPayment {
    NewPayment {
        reference: Uuid::now_v7(),
        amount: rub(10_000),
        description: "A plan".to_owned(),
        pays: Pays::OnPage { return_url: "https://shop.example".to_owned(), save_method: false },
        capture: Capture::AtOnce,
        buyer: Buyer::default(),
        receipt: None,
    }
}

async fn paid(fake: &FakeProvider) -> Payment {
    let made = fake.create(&on_page()).await.expect("a payment");
    fake.pay(&made.external_id).expect("it is open");
    fake.payment(&made.external_id).await.expect("an answer").expect("it is there")
}

fn refund_of(payment: &Payment, minor: i64) -> NewRefund {
    NewRefund {
        reference: Uuid::now_v7(),
        payment: payment.external_id.clone(),
        charge: None,
        amount: rub(minor),
        description: String::new(),
        receipt: None,
    }
}

#[tokio::test]
async fn the_provider_in_memory_keeps_every_promise() -> anyhow::Result<()> {
    contract::holds(&FakeStage(FakeProvider::default())).await
}

#[tokio::test]
async fn one_that_can_do_nothing_beyond_the_least_keeps_them_too() -> anyhow::Result<()> {
    let least = Capabilities { saved_methods: false, two_stage: false, receipts: false, disputes: false };
    contract::holds(&FakeStage(FakeProvider::new(least))).await
}

#[tokio::test]
async fn after_a_day_the_same_payment_is_a_second_one() {
    let (fake, new) = (FakeProvider::default(), on_page());
    let first = fake.create(&new).await.expect("a payment");
    fake.advance(Duration::hours(23));
    assert_eq!(fake.create(&new).await, Ok(first));
    fake.advance(Duration::hours(1));
    fake.create(&new).await.expect("a payment");
    assert_eq!(fake.all_payments().len(), 2);
}

#[tokio::test]
async fn what_it_has_outlives_who_asked() {
    let fake = FakeProvider::default();
    let payment = tokio::spawn({
        let fake = fake.clone();
        async move { paid(&fake).await }
    });
    let payment = payment.await.expect("it ends");
    assert_eq!(fake.payment(&payment.external_id).await, Ok(Some(payment)));
}

#[tokio::test]
async fn a_pending_refund_that_is_canceled_gives_nothing_back() {
    let fake = FakeProvider::default();
    let payment = paid(&fake).await;
    fake.set_slow_refunds(true);
    let refund = fake.refund(&refund_of(&payment, 4_000)).await.expect("a refund");
    assert_eq!(refund.outcome, RefundOutcome::Pending);
    fake.cancel_refund(&refund.external_id, "rejected_by_payee").expect("it is pending");
    assert_eq!(fake.all_payments()[0].refunded_minor, 0);
    assert!(matches!(fake.all_refunds()[0].outcome, RefundOutcome::Canceled { .. }));
    fake.settle_refund(&refund.external_id).expect_err("canceled is final");
}

#[tokio::test]
async fn a_dispute_that_is_decided_stays_so() {
    let fake = FakeProvider::default();
    let payment = paid(&fake).await;
    let id = fake.open_dispute(&payment.external_id, payment.amount).expect("it is paid");
    fake.close_dispute(&id, true).expect("it is open");
    fake.close_dispute(&id, false).expect_err("won is final");
    let dispute = fake.dispute(&id).await.expect("an answer").expect("it is there");
    assert_eq!((dispute.status, Some(dispute.payment)), (DisputeStatus::Won, payment.charge_id));
}

#[tokio::test]
async fn a_method_can_stop_paying_and_charges_can_take_their_time() {
    let fake = FakeProvider::default();
    let with_saved = || NewPayment { pays: Pays::WithSaved("method_1".to_owned()), ..on_page() };
    fake.refuse_method("method_1", Some(CancelReason::MethodRevoked));
    let refused = fake.create(&with_saved()).await.expect("an outcome");
    assert!(matches!(refused.outcome, Outcome::Canceled(why) if why.reason == CancelReason::MethodRevoked));
    fake.refuse_method("method_1", None);
    fake.set_slow_charges(true);
    let pending = fake.create(&with_saved()).await.expect("an outcome");
    assert_eq!(pending.outcome, Outcome::Pending);
    fake.pay(&pending.external_id).expect("it is open");
}

#[tokio::test]
async fn the_same_seed_loses_the_same_answers() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let fake = FakeProvider::default();
        fake.lose_answers(300, 7);
        let mut lost = Vec::new();
        for _ in 0..500 {
            lost.push(matches!(fake.create(&on_page()).await, Err(ProviderError::Unknown { .. })));
        }
        let made = fake.all_payments().len();
        runs.push((lost, made));
    }
    let (lost, made) = &runs[0];
    let count = lost.iter().filter(|lost| **lost).count();
    assert!((100..200).contains(&count), "{count} of 500");
    // Some of what was lost was done, and some was not.
    assert!(500 - count < *made && *made < 500, "{made} were made");
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_lost_refusal_is_an_answer_that_nobody_has() {
    let fake = FakeProvider::default();
    let payment = paid(&fake).await;
    fake.lose_next_answer(Lost::AfterEffect);
    let answer = fake.refund(&refund_of(&payment, 10_001)).await;
    assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
}
