//! Notifications: which are believed, and what they are about.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use billing_fiat::{Payment, Subject};

use super::{
    Delivery, Forgery, Stage,
    offer::{money, on_page, paid, refund_of},
};

const GARBAGE: [&[u8]; 7] = [
    b"",
    b"{}",
    b"null",
    b"[1,2]",
    b"{\"id\":7}",
    b"\xff\xfe\x00",
    b"{\"id\":\"e\",\"type\":\"refund.x\",\"data\":{\"object\":{}}}",
];

/// A payment and what the provider sent about it.
async fn told(stage: &dyn Stage) -> Result<(Payment, Vec<Delivery>)> {
    drop(stage.notifications().await?);
    let payment = paid(stage, &on_page(stage)?).await?;
    let told = stage.notifications().await?;
    ensure!(!told.is_empty(), "nobody told of a payment");
    Ok((payment, told))
}

pub(super) async fn subjects(stage: &dyn Stage) -> Result<()> {
    let (provider, (payment, mut told)) = (stage.provider(), told(stage).await?);
    let refund = provider.refund(&refund_of(&payment, money(stage, 100)?)).await?;
    let mut wanted = vec![Subject::Refund(refund.external_id)];
    if provider.capabilities().disputes {
        let other = paid(stage, &on_page(stage)?).await?;
        wanted.push(Subject::Dispute(stage.open_dispute(&other, other.amount).await?));
    }
    told.extend(stage.notifications().await?);
    let mut by_event = HashMap::new();
    for delivery in &told {
        let notification = provider.notification(&delivery.request())?;
        ensure!(provider.notification(&delivery.request())? == notification, "told twice, it is another event");
        ensure!(!notification.event_id.is_empty() && !notification.event.is_empty(), "{notification:?}");
        let before = by_event.insert(notification.event_id.clone(), notification.subject.clone());
        ensure!(before.is_none_or(|before| before == notification.subject), "one id, two events: {notification:?}");
    }
    let of_payment = |subject: &Subject| match subject {
        Subject::Payment(id) => *id == payment.external_id || Some(id) == payment.charge_id.as_ref(),
        _ => false,
    };
    ensure!(by_event.values().any(of_payment), "nothing names the payment: {by_event:?}");
    for subject in wanted {
        ensure!(by_event.values().any(|told| *told == subject), "nothing names {subject:?}: {by_event:?}");
    }
    Ok(())
}

pub(super) async fn forgeries(stage: &dyn Stage) -> Result<()> {
    let (provider, (_, told)) = (stage.provider(), told(stage).await?);
    let genuine = told.first().context("nothing was told")?;
    provider.notification(&genuine.request())?;
    let forged = Forgery::ALL.into_iter().filter_map(|how| Some((how, stage.forged(genuine, how)?)));
    let forged: Vec<(Forgery, Delivery)> = forged.collect();
    ensure!(!forged.is_empty(), "anybody could have sent it");
    for (how, delivery) in forged {
        let answer = provider.notification(&delivery.request());
        ensure!(answer.is_err(), "{how:?}: {answer:?}");
    }
    for body in GARBAGE {
        let answer = provider.notification(&stage.delivered(body).request());
        ensure!(answer.is_err(), "{:?}: {answer:?}", String::from_utf8_lossy(body));
    }
    for end in 0..genuine.body.len() {
        let answer = provider.notification(&stage.delivered(&genuine.body[..end]).request());
        ensure!(answer.is_err(), "its first {end} bytes: {answer:?}");
    }
    Ok(())
}
