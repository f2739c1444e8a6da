//! Money that goes back.

use anyhow::{Context, Result, ensure};
use billing_fiat::{DisputeStatus, Payment, Refund, RefundOutcome};

use super::{
    Stage,
    offer::{LOSSES, PRICE, is_refused, money, nobody_knows, on_page, paid, read, refund_of},
};

fn names(refund: &Refund, payment: &Payment) -> bool {
    refund.payment == payment.external_id || Some(&refund.payment) == payment.charge_id.as_ref()
}

pub(super) async fn add_up(stage: &dyn Stage) -> Result<()> {
    let (provider, payment) = (stage.provider(), paid(stage, &on_page(stage)?).await?);
    let mut back = 0;
    for part in [3_000, PRICE - 3_000] {
        let new = refund_of(&payment, money(stage, part)?);
        let made = provider.refund(&new).await?;
        let known = provider.refund_by_id(&made.external_id).await?.context("a refund is not there")?;
        for refund in [&made, &known, &provider.refund(&new).await?] {
            ensure!(refund.external_id == made.external_id, "{} and {}", made.external_id, refund.external_id);
            ensure!(
                refund.reference == Some(new.reference) && refund.amount == new.amount,
                "another refund: {refund:?}"
            );
            ensure!(names(refund, &payment), "{} names {}", refund.external_id, refund.payment);
            ensure!(!matches!(refund.outcome, RefundOutcome::Canceled { .. }), "{:?}", refund.outcome);
        }
        back += part;
        let after = read(&*provider, &payment).await?;
        ensure!(after.refunded_minor == back, "{} of {back} was given back", after.refunded_minor);
        is_refused(provider.refund(&refund_of(&payment, money(stage, PRICE - back + 1)?)).await)?;
    }
    let after = read(&*provider, &payment).await?;
    ensure!(after.refunded_minor == PRICE && after.amount == payment.amount, "{after:?}");
    Ok(())
}

pub(super) async fn made_once(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    for lost in LOSSES {
        let payment = paid(stage, &on_page(stage)?).await?;
        let new = refund_of(&payment, money(stage, 1_000)?);
        stage.lose_next_answer(lost).await?;
        nobody_knows(provider.refund(&new).await)?;
        provider.refund(&new).await?;
        let after = read(&*provider, &payment).await?;
        ensure!(after.refunded_minor == 1_000, "{lost:?}: {} was given back", after.refunded_minor);
    }
    Ok(())
}

pub(super) async fn unpaid(stage: &dyn Stage) -> Result<()> {
    let (provider, new) = (stage.provider(), on_page(stage)?);
    let made = provider.create(&new).await?;
    is_refused(provider.refund(&refund_of(&made, new.amount)).await)
}

pub(super) async fn disputed(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    if !provider.capabilities().disputes {
        return Ok(());
    }
    let (payment, amount) = (paid(stage, &on_page(stage)?).await?, money(stage, PRICE)?);
    let id = stage.open_dispute(&payment, amount).await?;
    let dispute = provider.dispute(&id).await?.context("a dispute is not there")?;
    ensure!(dispute.external_id == id && dispute.amount == amount, "another dispute: {dispute:?}");
    ensure!(dispute.status == DisputeStatus::Open, "{:?}", dispute.status);
    ensure!(dispute.fee_minor >= 0, "a fee of {}", dispute.fee_minor);
    let named = provider.payment(&dispute.payment).await?.context("a dispute names no payment")?;
    ensure!(named.reference == payment.reference, "a dispute names another payment");
    Ok(())
}
