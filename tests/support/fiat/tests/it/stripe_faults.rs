use std::time::Duration;

use anyhow::{Context, Result};
use billing_fiat::{FiatProvider, Money, NewPayment, Outcome, Pays, ProviderError};
use fiat_emulators::{contract::Stage, stripe::Fault};

use crate::{
    stripe::{on_page, paid, refund_of, saved},
    stripe_stage::StripeStage,
};

const SLOW: Duration = Duration::from_millis(900);

#[tokio::test]
async fn whatever_breaks_nobody_knows_and_one_payment_is_made() -> Result<()> {
    let stage = StripeStage::start().await?;
    for fault in [
        Fault::DelayBefore(SLOW),
        Fault::DelayAfter(SLOW),
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::TooMany { retry_after: None },
        Fault::Garbage,
        Fault::Flood,
    ] {
        let (new, sent_at) = (on_page(), stage.now());
        stage.emulator.fault(fault);
        let answer = stage.stripe.create(&new).await;
        assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{fault:?}: {answer:?}");
        tokio::time::sleep(if matches!(fault, Fault::DelayBefore(_) | Fault::DelayAfter(_)) {
            SLOW
        } else {
            Duration::ZERO
        })
        .await;
        let made = stage.stripe.create(&new).await?;
        let found = stage.stripe.find(new.reference, sent_at).await?.context("it is found")?;
        assert_eq!(found.external_id, made.external_id, "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn while_the_first_is_still_being_done_the_second_knows_nothing() -> Result<()> {
    let stage = StripeStage::start().await?;
    let new = on_page();
    stage.emulator.fault(Fault::DelayBefore(SLOW));
    stage.stripe.create(&new).await.expect_err("it takes too long");
    let second = stage.stripe.create(&new).await;
    let Err(ProviderError::Unknown { what, .. }) = second else { panic!("{second:?}") };
    assert_eq!(what, "HTTP 409: idempotency_key_in_use");
    Ok(())
}

#[tokio::test]
async fn a_server_error_is_repeated_under_its_key_and_looking_tells_what_was_done() -> Result<()> {
    let stage = StripeStage::start().await?;
    let method = saved(&stage).await?;
    for (fault, is_done) in [(Fault::BreaksBefore, false), (Fault::BreaksAfter, true)] {
        let (new, sent_at) = (NewPayment { pays: Pays::WithSaved(method.clone()), ..on_page() }, stage.now());
        stage.emulator.fault(fault);
        for _ in 0..3 {
            let answer = stage.stripe.create(&new).await;
            assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
        }
        let found = stage.stripe.find(new.reference, sent_at).await?;
        assert_eq!(found.is_some(), is_done, "{fault:?}");
        assert!(found.is_none_or(|found| found.outcome == Outcome::Succeeded));
    }
    Ok(())
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_says_how_long() -> Result<()> {
    let stage = StripeStage::start().await?;
    stage.emulator.fault(Fault::TooMany { retry_after: Some(7) });
    let answer = stage.stripe.create(&on_page()).await;
    let Err(ProviderError::Unknown { retry_after, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    Ok(())
}

#[tokio::test]
async fn a_proxys_page_is_neither_a_payment_nor_none() -> Result<()> {
    let stage = StripeStage::start().await?;
    let payment = paid(&stage, &on_page()).await?;
    stage.emulator.fault_at("GET", "/v1/", Fault::Garbage);
    let answer = stage.stripe.payment(&payment.external_id).await;
    assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_decline_whose_end_is_lost_is_not_known_until_it_is_final() -> Result<()> {
    let stage = StripeStage::start().await?;
    let (new, sent_at) = (NewPayment { pays: Pays::WithSaved(saved(&stage).await?), ..on_page() }, stage.now());
    for fault in [Fault::CutBefore, Fault::CutAfter] {
        stage.emulator.fault_at("POST", "/cancel", fault);
    }
    stage.emulator.refuse_next_charge("insufficient_funds");
    for _ in 0..2 {
        let answer = stage.stripe.create(&new).await;
        assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
        // Nobody but us could try this intent again, so who looks may call it over.
        let found = stage.stripe.find(new.reference, sent_at).await?.context("it is found")?;
        assert!(matches!(found.outcome, Outcome::Canceled(_)), "{:?}", found.outcome);
    }
    let declined = stage.stripe.create(&new).await?;
    assert!(matches!(declined.outcome, Outcome::Canceled(_)), "{:?}", declined.outcome);
    let charges = stage.emulator.requests().into_iter().filter(|request| request.path == "/v1/payment_intents");
    let keys: Vec<_> = charges.filter_map(|request| request.idempotency_key).collect();
    assert_eq!(keys, vec![new.reference.to_string(); 3]);
    Ok(())
}

#[tokio::test]
async fn the_same_reference_for_another_amount_is_not_known_to_be_undone() -> Result<()> {
    let stage = StripeStage::start().await?;
    let new = on_page();
    stage.stripe.create(&new).await?;
    let other = NewPayment { amount: Money::new(1, new.amount.currency())?, ..new };
    let answer = stage.stripe.create(&other).await;
    assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_refund_that_broke_on_the_way_is_told_by_the_payment() -> Result<()> {
    let stage = StripeStage::start().await?;
    let payment = paid(&stage, &on_page()).await?;
    stage.emulator.fault(Fault::BreaksAfter);
    let refund = refund_of(&payment, 2_500)?;
    stage.stripe.refund(&refund).await.expect_err("HTTP 500");
    stage.stripe.refund(&refund).await.expect_err("the same again");
    let after = stage.stripe.payment(&payment.external_id).await?.context("it is there")?;
    assert_eq!(after.refunded_minor, 2_500);
    Ok(())
}

#[tokio::test]
async fn a_decline_whose_end_broke_is_told_by_whoever_looks() -> Result<()> {
    let stage = StripeStage::start().await?;
    let (new, sent_at) = (NewPayment { pays: Pays::WithSaved(saved(&stage).await?), ..on_page() }, stage.now());
    stage.emulator.fault_at("POST", "/cancel", Fault::BreaksBefore);
    stage.emulator.refuse_next_charge("expired_card");
    for _ in 0..2 {
        let answer = stage.stripe.create(&new).await;
        assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
    }
    let found = stage.stripe.find(new.reference, sent_at).await?.context("it is found")?;
    assert!(matches!(&found.outcome, Outcome::Canceled(why) if why.code == "expired_card"));
    // By another key than the one whose answer is an error for a day.
    assert_eq!(stage.stripe.cancel(&found).await?.outcome, found.outcome);
    Ok(())
}
