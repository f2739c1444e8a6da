//! Money that is held first, and methods that are charged later.

use anyhow::{Context, Result, ensure};
use billing_fiat::{CancelReason, Outcome, Payment, Window};
use time::Duration;

use super::{
    Lost, Stage, listing,
    offer::{LOSSES, PRICE, held, is_refused, money, nobody_knows, paid, read, saved_method, with_saved},
};

async fn authorized(stage: &dyn Stage) -> Result<Payment> {
    let authorized = paid(stage, &held(stage)?).await?;
    ensure!(matches!(authorized.outcome, Outcome::Authorized { .. }), "{:?}", authorized.outcome);
    ensure!(authorized.fee_minor.is_none(), "a fee for money that was not taken");
    Ok(authorized)
}

pub(super) async fn captured(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().two_stage {
        return Ok(());
    }
    let (authorized, part) = (authorized(stage).await?, money(stage, PRICE - 4_000)?);
    let captured = provider.capture(&authorized, part).await?;
    for payment in [captured, read(&*provider, &authorized).await?] {
        ensure!(payment.outcome == Outcome::Succeeded, "{:?}", payment.outcome);
        ensure!(payment.external_id == authorized.external_id, "another id: {}", payment.external_id);
        ensure!(payment.reference == authorized.reference, "another payment");
        ensure!(payment.amount == part, "{} was captured of {part}", payment.amount);
        ensure!(payment.refunded_minor == 0, "{} was given back", payment.refunded_minor);
    }
    let window =
        Window { since: authorized.created_at - Duration::minutes(1), until: stage.now() + Duration::minutes(1) };
    let names = [Some(authorized.external_id), authorized.charge_id];
    let refunds = listing::refunds(&*provider, window).await?;
    ensure!(!refunds.iter().any(|refund| names.contains(&Some(refund.payment.clone()))), "listed as a refund");
    Ok(())
}

pub(super) async fn given_back(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().two_stage {
        return Ok(());
    }
    let authorized = authorized(stage).await?;
    let canceled = provider.cancel(&authorized).await?;
    let Outcome::Canceled(why) = &canceled.outcome else { anyhow::bail!("{:?}", canceled.outcome) };
    ensure!(why.reason == CancelReason::ByMerchant, "canceled because of {why:?}");
    let after = read(&*provider, &authorized).await?;
    ensure!(after.outcome == canceled.outcome, "{:?} became {:?}", canceled.outcome, after.outcome);
    is_refused(provider.capture(&after, after.amount).await)
}

pub(super) async fn captured_once(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().two_stage {
        return Ok(());
    }
    for lost in LOSSES {
        let authorized = authorized(stage).await?;
        stage.lose_next_answer(lost).await?;
        nobody_knows(provider.capture(&authorized, authorized.amount).await)?;
        let between = read(&*provider, &authorized).await?;
        ensure!(
            (between.outcome == Outcome::Succeeded) == (lost == Lost::AfterEffect),
            "{lost:?}: {:?}",
            between.outcome
        );
        let captured = provider.capture(&authorized, authorized.amount).await?;
        ensure!(captured.outcome == Outcome::Succeeded, "{lost:?}: {:?}", captured.outcome);
        ensure!(captured.amount == authorized.amount, "{lost:?}: {} was captured", captured.amount);
    }
    Ok(())
}

pub(super) async fn captured_too_much(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().two_stage {
        return Ok(());
    }
    let authorized = authorized(stage).await?;
    is_refused(provider.capture(&authorized, money(stage, PRICE + 1)?).await)?;
    let after = read(&*provider, &authorized).await?;
    ensure!(matches!(after.outcome, Outcome::Authorized { .. }), "{:?}", after.outcome);
    Ok(())
}

pub(super) async fn saved(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().saved_methods {
        return Ok(());
    }
    let method = saved_method(stage).await?;
    ensure!(!method.title.is_empty(), "a method without a title");
    for _ in 0..2 {
        let new = with_saved(stage, &method)?;
        let made = provider.create(&new).await?;
        let charged = read(&*provider, &made).await?;
        ensure!(charged.outcome == Outcome::Succeeded, "{:?}", charged.outcome);
        ensure!(charged.reference == Some(new.reference) && charged.amount == new.amount, "another payment");
        ensure!(charged.fee_minor.is_some_and(|fee| fee > 0), "a fee of {:?}", charged.fee_minor);
    }
    Ok(())
}

pub(super) async fn charged_once(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().saved_methods {
        return Ok(());
    }
    let method = saved_method(stage).await?;
    for lost in LOSSES {
        let (new, sent_at) = (with_saved(stage, &method)?, stage.now());
        stage.lose_next_answer(lost).await?;
        nobody_knows(provider.create(&new).await)?;
        let found = provider.find(new.reference, sent_at).await?;
        ensure!(found.is_some() == (lost == Lost::AfterEffect), "{lost:?}: {found:?}");
        let made = provider.create(&new).await?;
        ensure!(found.is_none_or(|found| found.external_id == made.external_id), "{lost:?}: it was made twice");
        let window = Window { since: sent_at - Duration::minutes(1), until: stage.now() + Duration::minutes(1) };
        let listed = listing::payments(&*provider, window).await?;
        let same = listed.iter().filter(|payment| payment.reference == Some(new.reference)).count();
        ensure!(same == 1, "{lost:?}: it was charged {same} times");
    }
    Ok(())
}

pub(super) async fn saved_declined(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().saved_methods {
        return Ok(());
    }
    let (method, sent_at) = (saved_method(stage).await?, stage.now());
    stage.refuse_next_charge().await?;
    let new = with_saved(stage, &method)?;
    let declined = provider.create(&new).await?;
    let again = provider.create(&new).await?;
    let found = provider.find(new.reference, sent_at).await?.context("a declined payment is not found")?;
    for payment in [&declined, &again, &found, &read(&*provider, &declined).await?] {
        let Outcome::Canceled(why) = &payment.outcome else { anyhow::bail!("{:?}", payment.outcome) };
        ensure!(why.reason == CancelReason::InsufficientFunds, "declined because of {why:?}");
        ensure!(payment.reference == Some(new.reference), "another payment");
    }
    // It was the money, and not the method.
    let other = provider.create(&with_saved(stage, &method)?).await?;
    let charged = read(&*provider, &other).await?;
    ensure!(charged.outcome == Outcome::Succeeded, "{:?}", charged.outcome);
    Ok(())
}
