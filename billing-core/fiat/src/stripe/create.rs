//! New payments: a page, or a charge with nobody present.

use super::{Pairs, Reply, Stripe, pairs, read, reason, refused, unknown, wire::Failure};
use crate::{Canceled, Capture, FiatProvider, NewPayment, Outcome, Payment, Pays, ProviderError};

pub(super) async fn create(stripe: &Stripe, payment: &NewPayment) -> Result<Payment, ProviderError> {
    if payment.receipt.is_some() {
        return Err(refused("receipts_unsupported", "Stripe registers no receipts"));
    }
    match &payment.pays {
        Pays::OnPage { return_url, save_method } => {
            let form = page(payment, return_url, *save_method);
            let reply = stripe.client.post("/v1/checkout/sessions", &form, &payment.reference.to_string()).await?;
            let session = reply.value()?;
            current(stripe, &reply, read::session(&session)?).await
        }
        Pays::WithSaved(method) => {
            let Some((customer, method)) = method.split_once('/') else {
                return Err(refused("saved_method_invalid", "a saved method is customer/payment_method"));
            };
            let form = charge(payment, customer, method);
            let reply = stripe.client.post("/v1/payment_intents", &form, &payment.reference.to_string()).await?;
            match reply.declined() {
                Some(failure) => ended(stripe, payment, failure).await,
                None => current(stripe, &reply, read::intent(&reply.value()?)?).await,
            }
        }
    }
}

/// A repeated answer says how things stood the first time.
async fn current(stripe: &Stripe, reply: &Reply, made: Option<Payment>) -> Result<Payment, ProviderError> {
    let away = || unknown("the payment that was made is away".to_owned(), None);
    let made = made.ok_or_else(away)?;
    if reply.replayed { stripe.payment(&made.external_id).await?.ok_or_else(away) } else { Ok(made) }
}

/// A declined intent could still be paid with another method: it is canceled, so that no is no.
async fn ended(stripe: &Stripe, payment: &NewPayment, failure: Failure) -> Result<Payment, ProviderError> {
    let code = failure.code().to_owned();
    let Some(intent) = failure.payment_intent else {
        return Err(refused(&code, "declined, and no payment was made"));
    };
    let mut form = read::whole("");
    form.extend(pairs([("cancellation_reason", "abandoned".to_owned())]));
    let path = format!("/v1/payment_intents/{}/cancel", intent.id);
    let reply = stripe.client.post(&path, &form, &format!("{}-declined", payment.reference)).await?;
    let read = match reply.value() {
        Ok(canceled) => read::intent(&canceled)?,
        // It is over already, by another hand.
        Err(ProviderError::Refused { .. }) => stripe.payment(&intent.id).await?,
        Err(unknown) => return Err(unknown),
    };
    let read = read.ok_or_else(|| unknown("the declined payment is away".to_owned(), None))?;
    Ok(match read.outcome {
        Outcome::Canceled(_) => {
            Payment { outcome: Outcome::Canceled(Canceled { reason: reason::reason(&code), code }), ..read }
        }
        _ => read,
    })
}

fn page(payment: &NewPayment, return_url: &str, save_method: bool) -> Pairs {
    let reference = payment.reference.to_string();
    let mut form = read::whole("payment_intent");
    form.extend(pairs([
        ("mode", "payment".to_owned()),
        ("success_url", return_url.to_owned()),
        ("cancel_url", return_url.to_owned()),
        ("client_reference_id", reference.clone()),
        ("metadata[payment_id]", reference.clone()),
        ("payment_intent_data[metadata][payment_id]", reference),
        ("payment_intent_data[description]", payment.description.clone()),
        ("line_items[0][quantity]", "1".to_owned()),
        ("line_items[0][price_data][currency]", payment.amount.currency().code().to_lowercase()),
        ("line_items[0][price_data][unit_amount]", payment.amount.minor().to_string()),
        ("line_items[0][price_data][product_data][name]", payment.description.clone()),
    ]));
    if let Some(email) = &payment.buyer.email {
        form.extend(pairs([("customer_email", email.clone())]));
    }
    if save_method {
        form.extend(pairs([
            ("customer_creation", "always".to_owned()),
            ("payment_intent_data[setup_future_usage]", "off_session".to_owned()),
        ]));
    }
    if payment.capture == Capture::Later {
        form.extend(pairs([("payment_intent_data[capture_method]", "manual".to_owned())]));
    }
    form
}

fn charge(payment: &NewPayment, customer: &str, method: &str) -> Pairs {
    let mut form = read::whole("");
    form.extend(pairs([
        ("amount", payment.amount.minor().to_string()),
        ("currency", payment.amount.currency().code().to_lowercase()),
        ("customer", customer.to_owned()),
        ("payment_method", method.to_owned()),
        ("confirm", "true".to_owned()),
        ("off_session", "true".to_owned()),
        // Without this a url to return to is wanted, and nobody is there to return.
        ("automatic_payment_methods[enabled]", "true".to_owned()),
        ("automatic_payment_methods[allow_redirects]", "never".to_owned()),
        ("description", payment.description.clone()),
        ("metadata[payment_id]", payment.reference.to_string()),
        (read::NOBODY_PRESENT, "true".to_owned()),
    ]));
    if let Some(email) = &payment.buyer.email {
        form.extend(pairs([("receipt_email", email.clone())]));
    }
    if payment.capture == Capture::Later {
        form.extend(pairs([("capture_method", "manual".to_owned())]));
    }
    form
}
