//! Money that goes back: refunds and disputes.

use super::{
    Stripe, checked, pairs, read, refused, unknown,
    wire::{self, Expandable},
};
use crate::{Dispute, DisputeStatus, NewRefund, ProviderError, Refund, RefundOutcome};

/// The only reasons that Stripe takes; others are kept as text.
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

pub(super) async fn refund(stripe: &Stripe, new: &NewRefund) -> Result<Refund, ProviderError> {
    if new.receipt.is_some() {
        return Err(refused("receipts_unsupported", "Stripe registers no receipts"));
    }
    let intent = charge_of(stripe, new).await?;
    let mut form = pairs([
        ("payment_intent", intent),
        ("amount", new.amount.minor().to_string()),
        ("metadata[refund_id]", new.reference.to_string()),
        ("metadata[description]", new.description.clone()),
    ]);
    if REASONS.contains(&new.description.as_str()) {
        form.extend(pairs([("reason", new.description.clone())]));
    }
    let reply = stripe.client.post("/v1/refunds", &form, &new.reference.to_string()).await?;
    let made: wire::Refund = reply.value()?;
    let away = || unknown("the refund that was made is away".to_owned(), None);
    // A repeated answer says how it stood the first time.
    let refund = if reply.replayed { by_id(stripe, &made.id).await? } else { refund_of(&made)? };
    refund.ok_or_else(away)
}

/// Refunds name the intent; whoever knows only the session is told by it.
async fn charge_of(stripe: &Stripe, new: &NewRefund) -> Result<String, ProviderError> {
    if let Some(id) = new.charge.as_ref().or(Some(&new.payment)).filter(|id| id.starts_with("pi_")) {
        return Ok(id.clone());
    }
    let session = match checked(&new.payment) {
        Some(id) => stripe.session(id).await?,
        None => None,
    };
    match session.and_then(|session| session.payment_intent) {
        Some(Expandable::Id(id)) => Ok(id),
        Some(Expandable::Object(intent)) => Ok(intent.id),
        None => Err(refused("charge_missing", "nobody has paid it")),
    }
}

pub(super) async fn by_id(stripe: &Stripe, id: &str) -> Result<Option<Refund>, ProviderError> {
    let Some(id) = checked(id) else { return Ok(None) };
    match stripe.client.get::<wire::Refund>(&format!("/v1/refunds/{id}"), &Vec::new()).await? {
        Some(refund) => refund_of(&refund),
        None => Ok(None),
    }
}

/// `None` of what is none of ours: in a currency that we do not take, or without an intent. Also of the part of a held payment
/// that was never captured, which Stripe may count as given back although no money moved.
pub(super) fn refund_of(refund: &wire::Refund) -> Result<Option<Refund>, ProviderError> {
    let reference = read::reference(&refund.metadata, "refund_id");
    let status = refund.status.as_deref().unwrap_or("pending");
    let is_release = status == "succeeded" && refund.balance_transaction.is_none() && reference.is_none();
    let (Some(amount), Some(payment), false) =
        (read::money(refund.amount, &refund.currency), &refund.payment_intent, is_release)
    else {
        return Ok(None);
    };
    let outcome = match status {
        "succeeded" => RefundOutcome::Succeeded,
        "failed" | "canceled" => {
            let code = refund.failure_reason.as_deref().unwrap_or(status);
            RefundOutcome::Canceled { code: code.to_owned() }
        }
        _ => RefundOutcome::Pending,
    };
    let created_at = read::instant(refund.created)?;
    Ok(Some(Refund {
        external_id: refund.id.clone(),
        payment: payment.clone(),
        reference,
        amount,
        outcome,
        created_at,
    }))
}

pub(super) async fn dispute(stripe: &Stripe, id: &str) -> Result<Option<Dispute>, ProviderError> {
    let Some(id) = checked(id) else { return Ok(None) };
    let found = stripe.client.get::<wire::Dispute>(&format!("/v1/disputes/{id}"), &Vec::new()).await?;
    Ok(found.as_ref().and_then(dispute_of))
}

/// `None` of an inquiry, with which no money has gone: a dispute may come of it, under the same id.
fn dispute_of(dispute: &wire::Dispute) -> Option<Dispute> {
    let amount = read::money(dispute.amount, &dispute.currency)?;
    let status = match dispute.status.as_str() {
        "won" => DisputeStatus::Won,
        "lost" => DisputeStatus::Lost,
        "prevented" => return None,
        inquiry if inquiry.starts_with("warning_") => return None,
        _ => DisputeStatus::Open,
    };
    // In the balance's own currency, if that is another one: then it is not known in this one.
    let fees = dispute.balance_transactions.iter();
    let fees = fees.filter(|moved| moved.currency.eq_ignore_ascii_case(&dispute.currency)).map(|moved| moved.fee);
    Some(Dispute {
        external_id: dispute.id.clone(),
        payment: dispute.payment_intent.clone()?,
        amount,
        status,
        fee_minor: fees.sum(),
        reason: dispute.reason.clone(),
    })
}
