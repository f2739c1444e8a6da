use anyhow::{Context, Result};
use billing_fiat::{
    Buyer, CancelReason, Canceled, Capture, Currency, DisputeStatus, FiatProvider, Money, NewPayment, NewRefund,
    Outcome, Payment, Pays, ProviderError, RefundOutcome, Window,
};
use fiat_emulators::{
    contract::{self, Stage},
    stripe::Options,
};
use time::Duration;
use uuid::Uuid;

use crate::stripe_stage::{StripeStage, adapter};

pub(crate) fn on_page() -> NewPayment {
    NewPayment {
        reference: Uuid::now_v7(),
        amount: Money::new(10_000, Currency::Usd).expect("an amount"),
        description: "A plan".to_owned(),
        pays: Pays::OnPage { return_url: "https://shop.example".to_owned(), save_method: false },
        capture: Capture::AtOnce,
        buyer: Buyer::default(),
        receipt: None,
    }
}

pub(crate) async fn paid(stage: &StripeStage, new: &NewPayment) -> Result<Payment> {
    let made = stage.stripe.create(new).await?;
    stage.emulator.pay(&made.external_id)?;
    stage.stripe.payment(&made.external_id).await?.context("it is there")
}

pub(crate) fn refund_of(payment: &Payment, minor: i64) -> Result<NewRefund> {
    Ok(NewRefund {
        reference: Uuid::now_v7(),
        payment: payment.external_id.clone(),
        charge: payment.charge_id.clone(),
        amount: Money::new(minor, payment.amount.currency())?,
        description: "duplicate".to_owned(),
        receipt: None,
    })
}

/// `customer/payment_method`.
pub(crate) async fn saved(stage: &StripeStage) -> Result<String> {
    let pays = Pays::OnPage { return_url: "https://shop.example".to_owned(), save_method: true };
    let paid = paid(stage, &NewPayment { pays, ..on_page() }).await?;
    Ok(paid.saved_method.context("a method was saved")?.external_id)
}

#[tokio::test]
async fn stripe_keeps_every_promise() -> Result<()> {
    contract::holds(&StripeStage::start().await?).await
}

#[tokio::test]
async fn every_request_names_the_version_and_every_post_a_key() -> Result<()> {
    let stage = StripeStage::start().await?;
    let payment = paid(&stage, &on_page()).await?;
    stage.stripe.refund(&refund_of(&payment, 100)?).await?;
    let requests = stage.emulator.requests();
    assert!(requests.len() >= 3);
    for request in requests {
        assert_eq!(request.version.as_deref(), Some("2026-10-28.endive"), "{request:?}");
        assert_eq!(request.idempotency_key.is_some(), request.method == "POST", "{request:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_decline_on_the_page_leaves_it_open_for_another_card() -> Result<()> {
    let stage = StripeStage::start().await?;
    let made = stage.stripe.create(&on_page()).await?;
    stage.emulator.decline(&made.external_id, "insufficient_funds")?;
    let after = stage.stripe.payment(&made.external_id).await?.context("it is there")?;
    assert!(matches!(after.outcome, Outcome::RequiresAction { .. }), "{:?}", after.outcome);
    let intent = after.charge_id.context("the payer has tried")?;
    let by_intent = stage.stripe.payment(&intent).await?.context("it is there")?;
    assert_eq!((by_intent.outcome, by_intent.reference), (Outcome::Pending, after.reference));
    stage.emulator.pay(&made.external_id)?;
    let paid = stage.stripe.payment(&made.external_id).await?.context("it is there")?;
    assert_eq!(paid.outcome, Outcome::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_debit_takes_days_and_may_come_to_nothing() -> Result<()> {
    let stage = StripeStage::start().await?;
    let nothing = Canceled { reason: CancelReason::InsufficientFunds, code: "insufficient_funds".to_owned() };
    for (failure, outcome) in [(None, Outcome::Succeeded), (Some("insufficient_funds"), Outcome::Canceled(nothing))] {
        let made = stage.stripe.create(&on_page()).await?;
        stage.emulator.pay_slowly(&made.external_id)?;
        let pending = stage.stripe.payment(&made.external_id).await?.context("it is there")?;
        assert_eq!((pending.outcome, pending.fee_minor), (Outcome::Pending, None));
        stage.emulator.settle_slow(&made.external_id, failure)?;
        let after = stage.stripe.payment(&made.external_id).await?.context("it is there")?;
        assert_eq!(after.outcome, outcome);
    }
    Ok(())
}

#[tokio::test]
async fn a_page_that_nobody_visits_expires() -> Result<()> {
    let stage = StripeStage::start().await?;
    let made = stage.stripe.create(&on_page()).await?;
    stage.emulator.advance(86_400);
    let after = stage.stripe.payment(&made.external_id).await?.context("it is there")?;
    let expired = Canceled { reason: CancelReason::Expired, code: "expired".to_owned() };
    assert_eq!(after.outcome, Outcome::Canceled(expired));
    Ok(())
}

#[tokio::test]
async fn declines_of_saved_methods_are_told_by_their_reason() -> Result<()> {
    let stage = StripeStage::start().await?;
    let method = saved(&stage).await?;
    for (code, reason) in [
        ("insufficient_funds", CancelReason::InsufficientFunds),
        ("expired_card", CancelReason::MethodInvalid),
        ("authentication_required", CancelReason::AuthenticationRequired),
        ("revocation_of_authorization", CancelReason::MethodRevoked),
        ("fraudulent", CancelReason::FraudSuspected),
        ("issuer_not_available", CancelReason::Unavailable),
        ("do_not_honor", CancelReason::Declined),
    ] {
        stage.emulator.refuse_next_charge(code);
        let new = NewPayment { pays: Pays::WithSaved(method.clone()), ..on_page() };
        let declined = stage.stripe.create(&new).await?;
        let expected = Outcome::Canceled(Canceled { reason, code: code.to_owned() });
        assert_eq!(declined.outcome, expected);
        let read = stage.stripe.payment(&declined.external_id).await?.context("it is there")?;
        assert_eq!(read.outcome, expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_method_that_is_not_there_is_refused() -> Result<()> {
    let stage = StripeStage::start().await?;
    for method in ["cus_1/pm_1", "pm_1", ""] {
        let new = NewPayment { pays: Pays::WithSaved(method.to_owned()), ..on_page() };
        let answer = stage.stripe.create(&new).await;
        assert!(matches!(answer, Err(ProviderError::Refused { .. })), "{method:?}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_told_and_not_shown() -> Result<()> {
    let stage = StripeStage::start().await?;
    let stripe = adapter(&stage.emulator, "sk_test_of_another")?;
    let error = stripe.create(&on_page()).await.expect_err("a foreign key");
    assert!(matches!(error, ProviderError::Credentials { .. }), "{error:?}");
    for text in [format!("{error} {error:?}"), format!("{stripe:?}")] {
        assert!(!text.contains("sk_test_of_another") && !text.contains("whsec_"), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refund_may_come_back_after_it_had_succeeded() -> Result<()> {
    let stage = StripeStage::with(Options { slow_refunds: true, ..Options::default() }).await?;
    let payment = paid(&stage, &on_page()).await?;
    let new = refund_of(&payment, 4_000)?;
    let refund = stage.stripe.refund(&new).await?;
    assert_eq!(refund.outcome, RefundOutcome::Pending);
    stage.emulator.settle_refund(&refund.external_id)?;
    let settled = stage.stripe.refund_by_id(&refund.external_id).await?.context("it is there")?;
    assert_eq!(settled.outcome, RefundOutcome::Succeeded);
    // Under the same key Stripe repeats that it is pending.
    assert_eq!(stage.stripe.refund(&new).await?, settled);
    stage.emulator.fail_refund(&refund.external_id, "expired_or_canceled_card")?;
    let failed = stage.stripe.refund_by_id(&refund.external_id).await?.context("it is there")?;
    assert_eq!(failed.outcome, RefundOutcome::Canceled { code: "expired_or_canceled_card".to_owned() });
    let after = stage.stripe.payment(&payment.external_id).await?.context("it is there")?;
    assert_eq!(after.refunded_minor, 0);
    Ok(())
}

#[tokio::test]
async fn an_inquiry_is_no_dispute_and_a_lost_dispute_is_lost() -> Result<()> {
    let stage = StripeStage::start().await?;
    let payment = paid(&stage, &on_page()).await?;
    let intent = payment.charge_id.context("it is paid")?;
    let inquiry = stage.emulator.open_inquiry(&intent, 10_000)?;
    assert_eq!(stage.stripe.dispute(&inquiry).await?, None);
    let id = stage.emulator.open_dispute(&intent, 10_000)?;
    for (is_won, status) in [(true, DisputeStatus::Won), (false, DisputeStatus::Lost)] {
        stage.emulator.close_dispute(&id, is_won)?;
        let dispute = stage.stripe.dispute(&id).await?.context("it is there")?;
        assert_eq!((dispute.status, dispute.fee_minor), (status, 1_500));
    }
    Ok(())
}

#[tokio::test]
async fn what_was_asked_for_again_a_day_later_is_still_found() -> Result<()> {
    let stage = StripeStage::start().await?;
    let (new, sent_at) = (on_page(), stage.now());
    stage.emulator.advance(23 * 3_600);
    let made = stage.stripe.create(&new).await?;
    let found = stage.stripe.find(new.reference, sent_at).await?.context("it is found")?;
    assert_eq!(found.external_id, made.external_id);
    Ok(())
}

#[tokio::test]
async fn neighbouring_windows_have_every_payment_once() -> Result<()> {
    let stage = StripeStage::start().await?;
    let payment = paid(&stage, &on_page()).await?;
    let at = payment.created_at;
    let half = Duration::milliseconds(500);
    for cut in [at - half, at, at + half] {
        for (since, until) in [(at - Duration::HOUR, cut), (cut, at + Duration::HOUR)] {
            let listed = stage.stripe.payments(Window { since, until }, None).await?.items.len();
            assert_eq!(listed == 1, since <= at && at < until, "{listed} from {since} to {until}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_fee_in_the_currency_of_another_balance_is_not_told() -> Result<()> {
    let stage = StripeStage::with(Options { balance_currency: Some("eur".to_owned()), ..Options::default() }).await?;
    let payment = paid(&stage, &on_page()).await?;
    assert_eq!((payment.outcome, payment.fee_minor), (Outcome::Succeeded, None));
    Ok(())
}

#[tokio::test]
async fn money_in_another_currency_is_not_captured() -> Result<()> {
    let stage = StripeStage::start().await?;
    let held = paid(&stage, &NewPayment { capture: Capture::Later, ..on_page() }).await?;
    let answer = stage.stripe.capture(&held, Money::new(10_000, Currency::Uzs)?).await;
    assert!(matches!(answer, Err(ProviderError::Refused { .. })), "{answer:?}");
    Ok(())
}

/// An intent that another program of the account made.
async fn foreign_intent(stage: &StripeStage, currency: &str) -> Result<String> {
    let url = format!("{}/v1/payment_intents", stage.emulator.base_url());
    let request = reqwest::Client::new().post(url).bearer_auth(stage.emulator.secret_key());
    let made: serde_json::Value = request.body(format!("amount=500&currency={currency}")).send().await?.json().await?;
    Ok(made["id"].as_str().context("an id")?.to_owned())
}

#[tokio::test]
async fn an_intent_without_a_page_can_be_canceled() -> Result<()> {
    let stage = StripeStage::start().await?;
    let id = foreign_intent(&stage, "usd").await?;
    let waiting = stage.stripe.payment(&id).await?.context("it is there")?;
    assert_eq!((&waiting.outcome, waiting.reference), (&Outcome::Pending, None));
    let canceled = stage.stripe.cancel(&waiting).await?;
    let ours = Canceled { reason: CancelReason::ByMerchant, code: "canceled".to_owned() };
    assert_eq!(canceled.outcome, Outcome::Canceled(ours));
    Ok(())
}

#[tokio::test]
async fn a_charge_of_a_saved_method_saves_none() -> Result<()> {
    let stage = StripeStage::start().await?;
    let method = saved(&stage).await?;
    let charged = stage.stripe.create(&NewPayment { pays: Pays::WithSaved(method), ..on_page() }).await?;
    assert_eq!((charged.outcome, charged.saved_method), (Outcome::Succeeded, None));
    Ok(())
}

#[tokio::test]
async fn what_is_sold_in_other_currencies_is_not_ours() -> Result<()> {
    let stage = StripeStage::start().await?;
    let id = foreign_intent(&stage, "jpy").await?;
    assert_eq!(stage.stripe.payment(&id).await?, None);
    let ours = paid(&stage, &on_page()).await?;
    let window = Window { since: stage.now() - Duration::HOUR, until: stage.now() + Duration::HOUR };
    let listed = stage.stripe.payments(window, None).await?.items;
    assert_eq!(listed.into_iter().map(|payment| payment.reference).collect::<Vec<_>>(), [ours.reference]);
    Ok(())
}
