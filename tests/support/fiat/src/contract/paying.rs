//! Payments on a page.

use anyhow::{Context, Result, ensure};
use billing_fiat::{CancelReason, Outcome, Payment, ProviderError, Window};
use time::Duration;

use super::{
    Stage,
    offer::{LOSSES, PRICE, nobody_knows, on_page, paid as made_and_paid, read},
};

pub(super) async fn waits(stage: &dyn Stage) -> Result<()> {
    let (provider, new) = (stage.provider(), on_page(stage)?);
    let made = provider.create(&new).await?;
    for payment in [made.clone(), read(&*provider, &made).await?] {
        ensure!(
            matches!(&payment.outcome, Outcome::RequiresAction { url } if url.starts_with("http")),
            "{:?}",
            payment.outcome
        );
        ensure!(
            payment.reference == Some(new.reference) && payment.amount == new.amount,
            "another payment: {payment:?}"
        );
        ensure!(payment.external_id == made.external_id, "another id: {payment:?}");
        ensure!(payment.refunded_minor == 0 && payment.saved_method.is_none(), "{payment:?}");
    }
    Ok(())
}

pub(super) async fn made_once(stage: &dyn Stage) -> Result<()> {
    let (provider, new) = (stage.provider(), on_page(stage)?);
    let first = provider.create(&new).await?;
    for _ in 0..3 {
        let again = provider.create(&new).await?;
        ensure!(again.external_id == first.external_id, "{} and {}", first.external_id, again.external_id);
    }
    Ok(())
}

pub(super) async fn told_as_it_stands(stage: &dyn Stage) -> Result<()> {
    let (provider, new) = (stage.provider(), on_page(stage)?);
    let paid = made_and_paid(stage, &new).await?;
    let again = provider.create(&new).await?;
    ensure!(again.external_id == paid.external_id, "{} and {}", paid.external_id, again.external_id);
    ensure!(again.outcome == Outcome::Succeeded, "{:?}", again.outcome);
    Ok(())
}

pub(super) async fn lost_answer(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    for lost in LOSSES {
        let (new, sent_at) = (on_page(stage)?, stage.now());
        stage.lose_next_answer(lost).await?;
        nobody_knows(provider.create(&new).await)?;
        let found = provider.find(new.reference, sent_at).await?;
        let made = provider.create(&new).await?;
        if let Some(found) = found {
            ensure!(found.external_id == made.external_id, "{lost:?}: {} and {}", found.external_id, made.external_id);
        }
        stage.pay(&made).await?;
        let found = provider.find(new.reference, sent_at).await?.context("what was paid is not found")?;
        ensure!(found.external_id == made.external_id, "{lost:?}: {} and {}", found.external_id, made.external_id);
        let window = Window { since: sent_at - Duration::minutes(1), until: stage.now() + Duration::minutes(1) };
        let listed = super::listing::payments(&*provider, window).await?;
        let same = listed.iter().filter(|payment| payment.reference == Some(new.reference)).count();
        ensure!(same == 1, "{lost:?}: there are {same} of it");
    }
    Ok(())
}

pub(super) async fn found(stage: &dyn Stage) -> Result<()> {
    let (provider, sent_at) = (stage.provider(), stage.now());
    let (one, other) = (on_page(stage)?, on_page(stage)?);
    let made = [provider.create(&one).await?, provider.create(&other).await?];
    for (new, made) in [one, other].iter().zip(&made) {
        let found = provider.find(new.reference, sent_at).await?.context("a payment is not found")?;
        ensure!(found.external_id == made.external_id, "{} is found as {}", made.external_id, found.external_id);
        ensure!(found.reference == Some(new.reference), "found without its reference");
    }
    let nobodys = provider.find(on_page(stage)?.reference, sent_at).await?;
    ensure!(nobodys.is_none(), "somebody else's payment is found: {nobodys:?}");
    Ok(())
}

pub(super) async fn paid(stage: &dyn Stage) -> Result<()> {
    let (provider, new) = (stage.provider(), on_page(stage)?);
    let paid = made_and_paid(stage, &new).await?;
    ensure!(paid.outcome == Outcome::Succeeded, "{:?}", paid.outcome);
    ensure!(paid.reference == Some(new.reference) && paid.amount == new.amount, "another payment: {paid:?}");
    ensure!(paid.fee_minor.is_some_and(|fee| 0 < fee && fee < PRICE), "a fee of {:?}", paid.fee_minor);
    ensure!(paid.saved_method.is_none(), "a method was saved that nobody asked for");
    let charge = paid.charge_id.as_ref().unwrap_or(&paid.external_id);
    let by_charge = provider.payment(charge).await?.context("the charge names no payment")?;
    ensure!(by_charge.reference == paid.reference, "the charge names another payment");
    ensure!(by_charge.outcome == Outcome::Succeeded && by_charge.amount == paid.amount, "{by_charge:?}");
    Ok(())
}

pub(super) async fn declined(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    let made = provider.create(&on_page(stage)?).await?;
    stage.decline(&made).await?;
    let declined = read(&*provider, &made).await?;
    ensure!(matches!(declined.outcome, Outcome::Canceled(_)), "{:?}", declined.outcome);
    // The page is closed: whether trying is an error is the stage's to say.
    drop(stage.pay(&made).await);
    let later = read(&*provider, &made).await?;
    ensure!(later.outcome == declined.outcome, "{:?} became {:?}", declined.outcome, later.outcome);
    Ok(())
}

pub(super) async fn called_off(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    let made = provider.create(&on_page(stage)?).await?;
    match provider.cancel(&made).await {
        Err(ProviderError::Refused { .. }) | Ok(Payment { outcome: Outcome::RequiresAction { .. }, .. }) => {
            let after = read(&*provider, &made).await?;
            ensure!(matches!(after.outcome, Outcome::RequiresAction { .. }), "{:?}", after.outcome);
        }
        answer => {
            let canceled = answer?;
            let Outcome::Canceled(why) = &canceled.outcome else { anyhow::bail!("{:?}", canceled.outcome) };
            let ours = matches!(why.reason, CancelReason::ByMerchant | CancelReason::Expired);
            ensure!(ours, "canceled because of {why:?}");
            let after = read(&*provider, &made).await?;
            ensure!(after.outcome == canceled.outcome, "{:?} became {:?}", canceled.outcome, after.outcome);
        }
    }
    Ok(())
}
