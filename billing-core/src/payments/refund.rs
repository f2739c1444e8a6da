//! Giving money back.
//!
//! The policy: what was bought and not used can be given back, and its price with it; what was used cannot. Credits are taken back
//! in the transaction that writes the refund, before any money goes: nobody can spend what is being refunded. They are as many as the
//! amount bought, rounded up. A refund that the provider does not make gives them again. Past this policy goes only `Goodwill`, and
//! what is done in the provider's own pages: then as many credits are taken as there are. The provider's fee stays spent.

use billing_fiat::{self as fiat, FiatProvider, Money, ProviderError, RefundOutcome};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{
    Payment, PaymentError, Providers, Purpose, Refund, RefundStatus, ask, booking, refund_repo, repo, schedule,
};
use crate::{
    ids::{PaymentId, RefundId, TransferId},
    ledger::Amount,
    outbox,
};

/// How far a refund may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundPolicy {
    /// What was not used.
    Unused,
    /// Whatever was paid: somebody decided so.
    Goodwill,
}

/// Asks for a refund in the caller's transaction: `amount`, or as much as the policy allows. Who polls sends it. The same id again gives
/// the refund that it named.
///
/// # Errors
/// `NoPayment`, `NotPaid`, `NotRefundable`, `Differs`; the database's and the ledger's: then the caller's transaction is lost.
pub async fn request_in_tx(
    conn: &mut PgConnection,
    id: RefundId,
    payment: PaymentId,
    amount: Option<Money>,
    policy: RefundPolicy,
    reason: &str,
) -> Result<Refund, PaymentError> {
    let own = repo::lock(conn, payment).await?.ok_or(PaymentError::NoPayment(payment))?;
    if let Some(known) = refund_repo::find(&mut *conn, id).await? {
        let same = known.payment == payment && amount.is_none_or(|amount| amount == known.amount);
        return if same { Ok(known) } else { Err(PaymentError::Differs) };
    }
    if own.succeeded_at.is_none() {
        return Err(PaymentError::NotPaid(payment));
    }
    let left = own.amount.minor() - refund_repo::given_back(&mut *conn, payment).await?;
    let currency = own.amount.currency();
    let not_refundable = |most: i64| PaymentError::NotRefundable { payment, most: Money::new(most, currency).ok() };
    if amount.is_some_and(|amount| amount.currency() != currency || amount.minor() > left) || left < 1 {
        return Err(not_refundable(left));
    }
    let taken_by = TransferId(id.0);
    let (minor, credits) = match (&own.purpose, policy) {
        (Purpose::Period, _) => (amount.map_or(left, Money::minor), Amount::ZERO),
        (Purpose::TopUp(bought), RefundPolicy::Goodwill) => {
            let minor = amount.map_or(left, Money::minor);
            let wanted = credits_for(minor, own.amount.minor(), bought.credits);
            (minor, booking::take_credits(conn, &own, taken_by, wanted).await?)
        }
        (Purpose::TopUp(bought), RefundPolicy::Unused) => {
            let unused = booking::unused(conn, &own).await?;
            let most = price_of(unused, bought.credits, own.amount.minor()).min(left);
            let minor = amount.map_or(most, Money::minor);
            let wanted = credits_for(minor, own.amount.minor(), bought.credits);
            if minor < 1 || wanted > unused {
                return Err(not_refundable(most));
            }
            (minor, booking::take_credits(conn, &own, taken_by, wanted).await?)
        }
    };
    let amount = Money::new(minor, currency).map_err(|_| not_refundable(left))?;
    refund_repo::insert(conn, id, &own, amount, credits, reason, None).await?;
    refund_repo::find(conn, id).await?.ok_or_else(|| repo::stored("refund").into())
}

/// How many credits an amount bought, rounded up: never fewer than were paid for.
pub(super) fn credits_for(minor: i64, price: i64, credits: Amount) -> Amount {
    let wide = |amount: i64| alloy::primitives::U256::from(amount.unsigned_abs());
    let credits = alloy::primitives::U256::from(credits.units()) * wide(minor);
    u128::try_from(credits.div_ceil(wide(price.max(1)))).ok().and_then(Amount::new).unwrap_or(Amount::MAX)
}

/// The price of so many of the credits, rounded down: what it buys back is never more than there is.
fn price_of(unused: Amount, credits: Amount, price: i64) -> i64 {
    let wide = |amount: Amount| alloy::primitives::U256::from(amount.units());
    let all = wide(unused.min(credits)) * alloy::primitives::U256::from(price.unsigned_abs());
    i64::try_from(all / wide(credits).max(alloy::primitives::U256::ONE)).unwrap_or(price)
}

/// Brings a refund forward by one question to its provider.
pub(super) async fn advance(
    pool: &PgPool,
    providers: &Providers,
    id: RefundId,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    let Some(refund) = refund_repo::claim(pool, id).await? else { return Ok(()) };
    let payment = repo::find(pool, refund.payment).await?.ok_or(PaymentError::NoPayment(refund.payment))?;
    let asked = match providers.get(&payment.provider) {
        Ok(provider) => ask_about(pool, provider.as_ref(), &payment, &refund, now).await,
        Err(error) => Err(error),
    };
    let outcome = match asked {
        Ok(seen) => seen,
        Err(PaymentError::Provider(ProviderError::Refused { code, description, .. })) => {
            tracing::error!(refund.id = %id, code, description, "the provider refuses to give money back");
            return end_refused(pool, id, &code, now).await;
        }
        Err(error) => {
            refund_repo::postpone(pool, id, schedule::wait(refund.looks)).await?;
            return Err(error);
        }
    };
    let mut db_tx = pool.begin().await?;
    record(&mut db_tx, id, &outcome, now).await?;
    Ok(db_tx.commit().await?)
}

async fn ask_about(
    pool: &PgPool,
    provider: &dyn FiatProvider,
    payment: &Payment,
    refund: &Refund,
    now: OffsetDateTime,
) -> Result<fiat::Refund, PaymentError> {
    if let Some(external_id) = &refund.external_id {
        let gone = || {
            let what = format!("refund {external_id} is gone");
            ProviderError::Unknown { provider: provider.name(), what, retry_after: None }
        };
        return Ok(provider.refund_by_id(external_id).await?.ok_or_else(gone)?);
    }
    if refund.sent_at.is_some_and(|sent_at| now - sent_at > ask::KEY_LASTS) {
        return find_late(provider, refund).await;
    }
    refund_repo::note_sent(pool, refund.id, now).await?;
    let order = fiat::NewRefund {
        reference: refund.id.0,
        payment: payment.external_id.clone().unwrap_or_default(),
        charge: payment.charge_id.clone(),
        amount: refund.amount,
        description: refund.reason.clone(),
        receipt: payment.receipt.as_ref().map(|terms| ask::receipt(payment, terms, refund.amount)),
    };
    Ok(provider.refund(&order).await?)
}

/// Its key may be forgotten: sent again, it might be made twice. So it is looked for.
async fn find_late(provider: &dyn FiatProvider, refund: &Refund) -> Result<fiat::Refund, PaymentError> {
    let since = refund.sent_at.unwrap_or(refund.created_at) - time::Duration::hours(1);
    let window = fiat::Window { since, until: since + time::Duration::hours(26) };
    let mut cursor = None;
    loop {
        let page = provider.refunds(window, cursor.as_deref()).await?;
        if let Some(found) = page.items.into_iter().find(|seen| seen.reference == Some(refund.id.0)) {
            return Ok(found);
        }
        cursor = page.next;
        if cursor.is_none() {
            let (code, description) = ("never_made".to_owned(), "it was never made".to_owned());
            return Err(ProviderError::Refused { provider: provider.name(), code, description, parameter: None }.into());
        }
    }
}

async fn end_refused(pool: &PgPool, id: RefundId, code: &str, now: OffsetDateTime) -> Result<(), PaymentError> {
    let mut db_tx = pool.begin().await?;
    if let Some((own, refund)) = lock_both(&mut db_tx, id).await? {
        end(&mut db_tx, &own, &refund, code, now).await?;
    }
    Ok(db_tx.commit().await?)
}

/// The payment first, as everybody locks.
async fn lock_both(conn: &mut PgConnection, id: RefundId) -> Result<Option<(Payment, Refund)>, PaymentError> {
    let Some(payment) = refund_repo::payment_of(&mut *conn, id).await? else { return Ok(None) };
    let own = repo::lock(conn, payment).await?;
    let refund = refund_repo::find(conn, id).await?;
    Ok(own.zip(refund))
}

/// Writes down what the provider says of a refund, and books it.
async fn record(
    conn: &mut PgConnection,
    id: RefundId,
    seen: &fiat::Refund,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    let Some((own, refund)) = lock_both(conn, id).await? else { return Ok(()) };
    if seen.amount != refund.amount {
        let trouble = format!("{} was asked for, {} is given back", refund.amount, seen.amount);
        return Ok(refund_repo::set_trouble(conn, id, &trouble).await?);
    }
    let look = matches!(seen.outcome, RefundOutcome::Pending).then(|| schedule::wait(refund.looks));
    refund_repo::note_seen(conn, id, &seen.external_id, look).await?;
    match &seen.outcome {
        RefundOutcome::Succeeded if refund.status.is_open() => {
            refund_repo::set_status(conn, id, RefundStatus::Succeeded, None).await?;
            let transfer = TransferId::named(&["refund", &id.to_string()]);
            booking::returned(conn, &own, transfer, refund.amount.minor(), "refund").await?;
            tell(conn, &own, &refund, "billing.refund.succeeded.v1", None).await
        }
        RefundOutcome::Canceled { code } if refund.status != RefundStatus::Canceled => {
            if refund.status == RefundStatus::Succeeded {
                // The payer's bank sent it back: the money is ours again.
                let transfer = TransferId::named(&["refund", &id.to_string(), "came back"]);
                booking::came_back(conn, &own, transfer, refund.amount.minor(), "refund_failed").await?;
            }
            end(conn, &own, &refund, code, now).await
        }
        _ => Ok(()),
    }
}

/// It will not be made: what was taken for it is given again.
async fn end(
    conn: &mut PgConnection,
    own: &Payment,
    refund: &Refund,
    code: &str,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    if refund.status == RefundStatus::Canceled {
        return Ok(());
    }
    refund_repo::set_status(conn, refund.id, RefundStatus::Canceled, Some(code)).await?;
    let transfer = TransferId::named(&["refund", &refund.id.to_string(), "given again"]);
    booking::give_again(conn, own, transfer, refund.credits, now).await?;
    tell(conn, own, refund, "billing.refund.canceled.v1", Some(code)).await
}

/// Records a refund that a notification told of, or that a list has: ours, or one that was made in the provider's own pages.
pub(super) async fn record_told(
    conn: &mut PgConnection,
    provider: &str,
    seen: &fiat::Refund,
    now: OffsetDateTime,
) -> Result<&'static str, PaymentError> {
    let Some(payment) = repo::by_external(&mut *conn, provider, &seen.payment).await? else { return Ok("not ours") };
    let own = repo::lock(conn, payment).await?.ok_or(PaymentError::NoPayment(payment))?;
    let ours = match seen.reference.map(RefundId) {
        Some(id) => refund_repo::payment_of(&mut *conn, id).await?.filter(|of| *of == payment).map(|_| id),
        None => None,
    };
    let known = match ours {
        Some(id) => Some(id),
        None => refund_repo::by_external(&mut *conn, payment, &seen.external_id).await?,
    };
    if let Some(id) = known {
        record(conn, id, seen, now).await?;
        return Ok("recorded");
    }
    if own.succeeded_at.is_none() {
        return Ok("of a payment that is not paid here");
    }
    let id = RefundId::new();
    let credits = match &own.purpose {
        Purpose::Period => Amount::ZERO,
        Purpose::TopUp(bought) => {
            let wanted = credits_for(seen.amount.minor(), own.amount.minor(), bought.credits);
            booking::take_credits(conn, &own, TransferId(id.0), wanted).await?
        }
    };
    let reason = format!("made at {provider}");
    refund_repo::insert(conn, id, &own, seen.amount, credits, &reason, Some(&seen.external_id)).await?;
    record(conn, id, seen, now).await?;
    Ok("made by the provider")
}

async fn tell(
    conn: &mut PgConnection,
    own: &Payment,
    refund: &Refund,
    topic: &str,
    why: Option<&str>,
) -> Result<(), PaymentError> {
    let message = serde_json::json!({
        "refund_id": refund.id, "payment_id": own.id, "owner": own.owner, "amount_minor": refund.amount.minor(),
        "currency": refund.amount.currency().code(), "why": why,
    });
    Ok(outbox::push(conn, topic, &own.owner, &message).await?)
}

/// Refunds of a payment, in the order in which they were asked for.
///
/// # Errors
/// The database's.
pub async fn of(pool: &PgPool, payment: PaymentId) -> Result<Vec<Refund>, PaymentError> {
    Ok(refund_repo::of(pool, payment).await?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_unused_buys_back_no_more_than_itself(price in 1..1_000_000_i64, credits in 1..1_000_000_u64, part in 0..=100_u64) {
            let (all, unused) = (Amount::from(credits), Amount::from(credits * part / 100));
            let back = price_of(unused, all, price);
            prop_assert!(back <= price);
            prop_assert!(credits_for(back, price, all) <= unused || back == 0);
        }
    }
}
