//! Lists, ids that nobody has, and what a provider says that it can do.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use billing_fiat::{
    Buyer, Capture, FiatProvider, NewPayment, Payment, Receipt, ReceiptItem, Refund, SavedMethod, Window,
};
use time::Duration;

use super::{
    Stage,
    offer::{self, PRICE, held, is_refused, money, on_page, paid, saving, with_saved},
};

/// More than one part of any provider's list.
const MANY: usize = 105;
/// Parts of a list that no stage fills.
const PARTS: usize = 1_000;

pub(super) async fn payments(provider: &dyn FiatProvider, window: Window) -> Result<Vec<Payment>> {
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..PARTS {
        let part = provider.payments(window, cursor.as_deref()).await?;
        all.extend(part.items);
        cursor = part.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
    anyhow::bail!("the list of payments does not end")
}

pub(super) async fn refunds(provider: &dyn FiatProvider, window: Window) -> Result<Vec<Refund>> {
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..PARTS {
        let part = provider.refunds(window, cursor.as_deref()).await?;
        all.extend(part.items);
        cursor = part.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
    anyhow::bail!("the list of refunds does not end")
}

pub(super) async fn pages(stage: &dyn Stage) -> Result<()> {
    let (provider, since) = (stage.provider(), stage.now() - Duration::minutes(1));
    let (mut references, mut refunded) = (HashSet::new(), HashSet::new());
    for _ in 0..MANY {
        let payment = paid(stage, &on_page(stage)?).await?;
        let refund = offer::refund_of(&payment, money(stage, 100)?);
        provider.refund(&refund).await?;
        references.extend(payment.reference);
        refunded.insert(refund.reference);
    }
    let window = Window { since, until: stage.now() + Duration::minutes(1) };
    let listed = payments(&*provider, window).await?;
    let ids: HashSet<&String> = listed.iter().map(|payment| &payment.external_id).collect();
    ensure!(ids.len() == listed.len(), "{} payments are listed as {}", ids.len(), listed.len());
    let known: HashSet<_> = listed.iter().filter_map(|payment| payment.reference).collect();
    ensure!(references.is_subset(&known), "{} payments are missing", references.difference(&known).count());
    let listed = refunds(&*provider, window).await?;
    let ids: HashSet<&String> = listed.iter().map(|refund| &refund.external_id).collect();
    ensure!(ids.len() == listed.len(), "{} refunds are listed as {}", ids.len(), listed.len());
    let known: HashSet<_> = listed.iter().filter_map(|refund| refund.reference).collect();
    ensure!(refunded.is_subset(&known), "{} refunds are missing", refunded.difference(&known).count());
    let before = Window { since: since - Duration::hours(1), until: since - Duration::minutes(30) };
    ensure!(payments(&*provider, before).await?.is_empty(), "payments are listed from before they were made");
    Ok(())
}

pub(super) async fn unknown_ids(stage: &dyn Stage) -> Result<()> {
    let (provider, payment) = (stage.provider(), paid(stage, &on_page(stage)?).await?);
    let refund = provider.refund(&offer::refund_of(&payment, money(stage, 100)?)).await?;
    let likely = |id: &str| id.replace(|letter: char| letter.is_ascii_digit(), "7");
    let odd = ["", "x", "../../v1/account", "a b?c=d&e#f", "«»", "0"].map(str::to_owned);
    for id in odd.into_iter().chain([likely(&payment.external_id), likely(&refund.external_id)]) {
        ensure!(provider.payment(&id).await?.is_none(), "a payment {id:?}");
        ensure!(provider.refund_by_id(&id).await?.is_none(), "a refund {id:?}");
        ensure!(provider.dispute(&id).await?.is_none(), "a dispute {id:?}");
    }
    Ok(())
}

pub(super) async fn capabilities(stage: &dyn Stage) -> Result<()> {
    let provider = stage.provider();
    let can = provider.capabilities();
    if !can.saved_methods {
        let method = SavedMethod { external_id: "method".to_owned(), title: String::new() };
        is_refused(provider.create(&saving(stage)?).await)?;
        is_refused(provider.create(&with_saved(stage, &method)?).await)?;
    }
    if !can.two_stage {
        is_refused(provider.create(&held(stage)?).await)?;
    }
    let receipted = NewPayment { receipt: Some(receipt(stage)?), capture: Capture::AtOnce, ..on_page(stage)? };
    if can.receipts {
        let paid = paid(stage, &receipted).await?;
        ensure!(paid.receipt.is_some(), "a payment with a receipt tells of none");
    } else {
        is_refused(provider.create(&receipted).await)?;
    }
    Ok(())
}

fn receipt(stage: &dyn Stage) -> Result<Receipt> {
    let item = ReceiptItem {
        description: "Plan «Solo»".to_owned(),
        quantity: 1,
        price: money(stage, PRICE)?,
        vat_code: 1,
        payment_subject: "service".to_owned(),
        payment_mode: "full_payment".to_owned(),
    };
    let buyer = Buyer { email: Some("payer@example.com".to_owned()), phone: None };
    Ok(Receipt { buyer, tax_system_code: None, items: vec![item] })
}
