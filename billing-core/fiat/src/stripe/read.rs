//! Stripe's sessions and intents as payments.

use std::collections::HashMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Pairs, reason, unknown,
    wire::{Charge, Expandable, Intent, Session},
};
use crate::{Currency, Money, Outcome, Payment, ProviderError, SavedMethod};

/// Marks an intent that no payer has a page for.
pub(super) const NOBODY_PRESENT: &str = "metadata[nobody_present]";

/// What a payment is read with: its charge, the fee and what was given back of it, below `field`.
pub(super) fn whole(field: &str) -> Pairs {
    let dot = if field.is_empty() { "" } else { "." };
    ["latest_charge.balance_transaction", "latest_charge.refunds"]
        .map(|part| ("expand[]".to_owned(), format!("{field}{dot}{part}")))
        .into()
}

pub(super) fn instant(unix: i64) -> Result<OffsetDateTime, ProviderError> {
    OffsetDateTime::from_unix_timestamp(unix).map_err(|_| unknown("a time that is none".to_owned(), None))
}

/// `None` in a currency that we do not take, and of nothing.
pub(super) fn money(minor: i64, currency: &str) -> Option<Money> {
    Money::new(minor, currency.parse::<Currency>().ok()?).ok()
}

/// Ours, if it has one that is.
pub(super) fn reference(metadata: &HashMap<String, String>, name: &str) -> Option<Uuid> {
    metadata.get(name)?.parse().ok()
}

/// `None` of what was no payment, or not in a currency of ours.
pub(super) fn session(session: &Session) -> Result<Option<Payment>, ProviderError> {
    let currency = session.currency.as_deref().unwrap_or_default();
    let Some(asked) =
        session.amount_total.and_then(|minor| money(minor, currency)).filter(|_| session.mode == "payment")
    else {
        return Ok(None);
    };
    let made = session.payment_intent.as_ref();
    let whole = made.and_then(Expandable::object);
    let paid = whole.map(intent).transpose()?.flatten();
    let reference = session.client_reference_id.as_deref().and_then(|id| id.parse().ok());
    let mut payment = Payment {
        external_id: session.id.clone(),
        charge_id: None,
        reference: reference.or_else(|| self::reference(&session.metadata, "payment_id")),
        amount: asked,
        outcome: Outcome::Pending,
        refunded_minor: 0,
        fee_minor: None,
        saved_method: None,
        receipt: None,
        created_at: instant(session.created)?,
        test: !session.livemode,
    };
    payment.outcome = session_outcome(session, whole, paid.as_ref().map(|paid| &paid.outcome));
    payment.charge_id = made.map(|made| match made {
        Expandable::Id(id) => id.clone(),
        Expandable::Object(intent) => intent.id.clone(),
    });
    if let Some(paid) = paid {
        payment.amount = paid.amount;
        payment.refunded_minor = paid.refunded_minor;
        payment.fee_minor = paid.fee_minor;
        payment.saved_method = paid.saved_method;
    }
    Ok(Some(payment))
}

fn session_outcome(session: &Session, intent: Option<&Intent>, paid: Option<&Outcome>) -> Outcome {
    let declined = intent.filter(|intent| intent.status == "requires_payment_method");
    match (session.status.as_deref(), paid) {
        // After a decline the payer may still try another card.
        (Some("open"), _) => match &session.url {
            Some(url) => Outcome::RequiresAction { url: url.clone() },
            None => Outcome::Pending,
        },
        // A bank debit that came to nothing days later: the page is closed.
        (Some("complete"), _) if declined.is_some() => {
            declined.map_or(Outcome::Pending, |intent| Outcome::Canceled(reason::canceled(intent)))
        }
        (Some("expired"), None | Some(Outcome::Pending | Outcome::Canceled(_))) => Outcome::Canceled(reason::expired()),
        (_, Some(paid)) => paid.clone(),
        (_, None) => Outcome::Pending,
    }
}

/// `None` in a currency that we do not take.
pub(super) fn intent(intent: &Intent) -> Result<Option<Payment>, ProviderError> {
    let taken = if intent.status == "succeeded" { intent.amount_received } else { intent.amount };
    let Some(amount) = money(taken, &intent.currency) else { return Ok(None) };
    let charge = intent.latest_charge.as_ref().and_then(Expandable::object);
    let outcome = intent_outcome(intent, charge)?;
    let is_paid = matches!(outcome, Outcome::Succeeded | Outcome::Authorized { .. });
    Ok(Some(Payment {
        external_id: intent.id.clone(),
        charge_id: Some(intent.id.clone()),
        reference: reference(&intent.metadata, "payment_id"),
        amount,
        outcome,
        refunded_minor: charge.filter(|_| is_paid).map_or(0, refunded),
        fee_minor: charge.and_then(|charge| fee(charge, amount.currency())),
        saved_method: charge.filter(|_| is_paid).and_then(|charge| saved(intent, charge)),
        receipt: None,
        created_at: instant(intent.created)?,
        test: !intent.livemode,
    }))
}

fn intent_outcome(intent: &Intent, charge: Option<&Charge>) -> Result<Outcome, ProviderError> {
    let card = charge.and_then(|charge| charge.payment_method_details.as_ref()?.card.as_ref());
    Ok(match intent.status.as_str() {
        "succeeded" => Outcome::Succeeded,
        "requires_capture" => {
            Outcome::Authorized { expires_at: card.and_then(|card| card.capture_before).map(instant).transpose()? }
        }
        "canceled" => Outcome::Canceled(reason::canceled(intent)),
        // Only we could try this one again, and we never do.
        "requires_payment_method"
            if intent.last_payment_error.is_some() && intent.metadata.contains_key("nobody_present") =>
        {
            Outcome::Canceled(reason::canceled(intent))
        }
        _ => Outcome::Pending,
    })
}

/// Stripe may count what was never captured as given back; that part has moved no money, so it has no balance transaction.
fn refunded(charge: &Charge) -> i64 {
    match &charge.refunds {
        Some(refunds) if charge.amount_captured < charge.amount && !refunds.has_more => {
            let moved = refunds.data.iter().filter(|refund| refund.balance_transaction.is_some());
            let kept = moved.filter(|refund| !matches!(refund.status.as_deref(), Some("failed" | "canceled")));
            kept.map(|refund| refund.amount).sum()
        }
        _ => charge.amount_refunded,
    }
}

/// Of an account whose balance is in another currency it is not known: it would be in that one.
fn fee(charge: &Charge, currency: Currency) -> Option<i64> {
    let moved = charge.balance_transaction.as_ref()?.object()?;
    moved.currency.eq_ignore_ascii_case(currency.code()).then_some(moved.fee)
}

fn saved(intent: &Intent, charge: &Charge) -> Option<SavedMethod> {
    intent.setup_future_usage.as_ref()?;
    let (customer, method) = (intent.customer.as_ref()?, intent.payment_method.as_ref()?);
    let details = charge.payment_method_details.as_ref();
    let title = match details.and_then(|details| details.card.as_ref()) {
        Some(card) => {
            let brand = capitalized(card.brand.as_deref().unwrap_or("card"));
            format!("{brand} *{}", card.last4.as_deref().unwrap_or_default())
        }
        None => capitalized(details.map_or("method", |details| details.kind.as_str())),
    };
    Some(SavedMethod { external_id: format!("{customer}/{method}"), title })
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
