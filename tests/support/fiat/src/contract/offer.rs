//! What the promises are tried with.

use anyhow::{Context, Result, ensure};
use billing_fiat::{
    Buyer, Capture, FiatProvider, Money, NewPayment, NewRefund, Payment, Pays, ProviderError, SavedMethod,
};
use uuid::Uuid;

use super::{Lost, Stage};

/// In the smallest unit.
pub(super) const PRICE: i64 = 10_000;

pub(super) fn money(stage: &dyn Stage, minor: i64) -> Result<Money> {
    Ok(Money::new(minor, stage.currency())?)
}

pub(super) fn on_page(stage: &dyn Stage) -> Result<NewPayment> {
    Ok(NewPayment {
        reference: Uuid::now_v7(),
        amount: money(stage, PRICE)?,
        description: "Plan «Solo», November".to_owned(),
        pays: Pays::OnPage { return_url: "https://shop.example/thanks?a=1&b=2".to_owned(), save_method: false },
        capture: Capture::AtOnce,
        buyer: Buyer { email: Some("payer@example.com".to_owned()), phone: None },
        receipt: None,
    })
}

pub(super) fn held(stage: &dyn Stage) -> Result<NewPayment> {
    Ok(NewPayment { capture: Capture::Later, ..on_page(stage)? })
}

pub(super) fn saving(stage: &dyn Stage) -> Result<NewPayment> {
    let pays = Pays::OnPage { return_url: "https://shop.example/thanks".to_owned(), save_method: true };
    Ok(NewPayment { pays, ..on_page(stage)? })
}

pub(super) fn with_saved(stage: &dyn Stage, method: &SavedMethod) -> Result<NewPayment> {
    Ok(NewPayment { pays: Pays::WithSaved(method.external_id.clone()), ..on_page(stage)? })
}

/// Made and paid, as it is read afterwards.
pub(super) async fn paid(stage: &dyn Stage, new: &NewPayment) -> Result<Payment> {
    let provider = stage.provider();
    let made = provider.create(new).await?;
    stage.pay(&made).await?;
    read(&*provider, &made).await
}

pub(super) async fn read(provider: &dyn FiatProvider, payment: &Payment) -> Result<Payment> {
    provider.payment(&payment.external_id).await?.context("a payment that was made is not there")
}

/// A method that a payer left.
pub(super) async fn saved_method(stage: &dyn Stage) -> Result<SavedMethod> {
    let paid = paid(stage, &saving(stage)?).await?;
    paid.saved_method.context("no method was saved")
}

pub(super) fn refund_of(payment: &Payment, amount: Money) -> NewRefund {
    NewRefund {
        reference: Uuid::now_v7(),
        payment: payment.external_id.clone(),
        charge: payment.charge_id.clone(),
        amount,
        description: "The payer changed their mind".to_owned(),
        receipt: None,
    }
}

/// What was asked while answers are lost: nobody knows.
pub(super) fn nobody_knows<T>(answer: Result<T, ProviderError>) -> Result<()> {
    match answer {
        Err(ProviderError::Unknown { .. }) => Ok(()),
        Err(error) => anyhow::bail!("a lost answer is told as {error:?}"),
        Ok(_) => anyhow::bail!("an answer that was lost is told"),
    }
}

pub(super) fn is_refused<T: std::fmt::Debug>(answer: Result<T, ProviderError>) -> Result<()> {
    ensure!(matches!(answer, Err(ProviderError::Refused { .. })), "not refused: {answer:?}");
    Ok(())
}

pub(super) const LOSSES: [Lost; 2] = [Lost::BeforeEffect, Lost::AfterEffect];
