//! Talks to the provider about one payment, with no SQL transaction open, and records what it says.

use std::time::Duration;

use billing_fiat::{self as fiat, Capture, FiatProvider, Outcome, ProviderError};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{
    Intent, Payment, PaymentError, Providers,
    payment::ReceiptTerms,
    record::{give_up, record},
    repo, schedule,
};
use crate::ids::PaymentId;

/// How long the same key makes the same payment: providers keep keys for 24 hours.
pub(super) const KEY_LASTS: time::Duration = time::Duration::hours(23);

/// What came of asking.
enum Asked {
    /// The provider's word.
    Seen(Box<fiat::Payment>),
    /// The provider never had it, or will not make it.
    Never(String),
}

/// Brings one payment forward by one question to its provider: makes it, captures it, gives it back, or asks how it stands. Killed
/// at any instant, the next call goes on. A payment that somebody else works on is given as it is.
///
/// # Errors
/// `NoPayment`; the provider's, after which it is looked at again by itself; the database's.
pub async fn advance(
    pool: &PgPool,
    providers: &Providers,
    id: PaymentId,
    now: OffsetDateTime,
) -> Result<Payment, PaymentError> {
    let Some(payment) = repo::claim(pool, id).await? else {
        return repo::find(pool, id).await?.ok_or(PaymentError::NoPayment(id));
    };
    let asked = match providers.get(&payment.provider) {
        Ok(provider) => ask(pool, provider.as_ref(), &payment, now).await,
        Err(error) => Err(error),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => {
            let told = match &error {
                PaymentError::Provider(ProviderError::Unknown { retry_after, .. }) => *retry_after,
                _ => None,
            };
            let wait = schedule::wait(payment.looks).max(told.unwrap_or(Duration::ZERO).as_secs_f64());
            repo::postpone(pool, id, wait).await?;
            return Err(error);
        }
    };
    let mut db_tx = pool.begin().await?;
    let recorded = match asked {
        Asked::Seen(seen) => record(&mut db_tx, id, &seen, now).await?,
        Asked::Never(code) => give_up(&mut db_tx, id, &code, now).await?,
    };
    db_tx.commit().await?;
    recorded.ok_or(PaymentError::NoPayment(id))
}

async fn ask(
    pool: &PgPool,
    provider: &dyn FiatProvider,
    payment: &Payment,
    now: OffsetDateTime,
) -> Result<Asked, PaymentError> {
    let Some(external_id) = &payment.external_id else { return make(pool, provider, payment, now).await };
    let Some(seen) = provider.payment(external_id).await? else {
        let what = format!("payment {external_id} is gone");
        return Err(ProviderError::Unknown { provider: provider.name(), what, retry_after: None }.into());
    };
    let seen = match (&seen.outcome, payment.intent) {
        (Outcome::Authorized { .. }, Intent::Capture) => provider.capture(&seen, payment.amount).await?,
        (Outcome::Authorized { .. } | Outcome::RequiresAction { .. }, Intent::Release) => {
            provider.cancel(&seen).await?
        }
        _ => seen,
    };
    Ok(Asked::Seen(Box::new(seen)))
}

/// Makes it; the second time only when the provider has not got it yet, and never after its key may be forgotten.
async fn make(
    pool: &PgPool,
    provider: &dyn FiatProvider,
    payment: &Payment,
    now: OffsetDateTime,
) -> Result<Asked, PaymentError> {
    if let Some(sent_at) = payment.sent_at {
        if let Some(seen) = provider.find(payment.id.0, sent_at).await? {
            return Ok(Asked::Seen(Box::new(seen)));
        }
        if now - sent_at > KEY_LASTS {
            return Ok(Asked::Never("never_made".to_owned()));
        }
    }
    if payment.intent == Intent::Release {
        return Ok(Asked::Never("released_before_it_was_made".to_owned()));
    }
    let Some(order) = order(pool, payment).await? else { return Ok(Asked::Never("method_ended".to_owned())) };
    repo::note_sent(pool, payment.id, now).await?;
    match provider.create(&order).await {
        Ok(seen) => Ok(Asked::Seen(Box::new(seen))),
        Err(ProviderError::Refused { code, description, parameter, .. }) => {
            tracing::error!(payment.id = %payment.id, code, description, parameter, "the provider refuses to make a payment");
            Ok(Asked::Never(code))
        }
        Err(error) => Err(error.into()),
    }
}

/// As the provider is asked; `None` when the method to be charged is ended.
async fn order(pool: &PgPool, payment: &Payment) -> Result<Option<fiat::NewPayment>, PaymentError> {
    let (pays, capture) = match payment.method {
        Some(id) => {
            let method = repo::method(pool, id).await?.filter(|method| method.ended_at.is_none());
            let Some(method) = method else { return Ok(None) };
            (fiat::Pays::WithSaved(method.external_id), Capture::Later)
        }
        None => {
            let return_url = payment.return_url.clone().unwrap_or_default();
            (fiat::Pays::OnPage { return_url, save_method: payment.save_method }, Capture::AtOnce)
        }
    };
    Ok(Some(fiat::NewPayment {
        reference: payment.id.0,
        amount: payment.amount,
        description: payment.description.clone(),
        pays,
        capture,
        buyer: payment.buyer.clone(),
        receipt: payment.receipt.as_ref().map(|terms| receipt(payment, terms, payment.amount)),
    }))
}

/// One line over an amount of a payment.
pub(super) fn receipt(payment: &Payment, terms: &ReceiptTerms, price: fiat::Money) -> fiat::Receipt {
    fiat::Receipt {
        buyer: payment.buyer.clone(),
        tax_system_code: None,
        items: vec![fiat::ReceiptItem {
            description: payment.description.clone(),
            quantity: 1,
            price,
            vat_code: terms.vat_code,
            payment_subject: terms.payment_subject.clone(),
            payment_mode: terms.payment_mode.clone(),
        }],
    }
}
