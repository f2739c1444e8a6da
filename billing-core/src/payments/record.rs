//! Writes down what the provider says of a payment, and books it in the same SQL transaction.

use billing_fiat::{CancelReason, Canceled, Outcome, Payment as Seen, ReceiptStatus};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    Payment, PaymentError, Status, booking, repo,
    schedule::{self, Look},
    transition::{self, Step},
};
use crate::{ids::PaymentId, outbox};

/// Writes `seen` into the payment of that id, in the caller's transaction; every answer comes here, whoever asked for it. The
/// payment as it stands afterwards; `None` when there is none.
///
/// # Errors
/// The database's and the ledger's; then the caller's transaction is lost.
pub(super) async fn record(
    conn: &mut PgConnection,
    id: PaymentId,
    seen: &Seen,
    now: OffsetDateTime,
) -> Result<Option<Payment>, PaymentError> {
    let Some(own) = repo::lock(conn, id).await? else { return Ok(None) };
    let step = transition::step(&own, seen);
    if let Step::Trouble(trouble) = &step {
        repo::set_trouble(conn, id, trouble).await?;
        tell(conn, &own, "billing.payment.trouble.v1", Some(trouble)).await?;
        return Ok(repo::find(conn, id).await?);
    }
    let status = if let Step::To(status) = step { status } else { own.status };
    let action_url = match &seen.outcome {
        Outcome::RequiresAction { url } if status == Status::Pending => Some(url.as_str()),
        _ => None,
    };
    let look = schedule::after(&Look {
        status,
        intent: own.intent,
        looks: if status == own.status { own.looks } else { 0 },
        fee_known: seen.fee_minor.or(own.fee_minor).is_some(),
        receipt_open: seen.receipt.or(own.receipt_status) == Some(ReceiptStatus::Pending),
    });
    repo::note_seen(conn, &own, seen, action_url, look).await?;
    if let (Status::Succeeded, Some(fee), None) = (own.status, seen.fee_minor, own.fee_minor) {
        booking::fee(conn, &own, fee).await?;
    }
    if status != own.status {
        move_on(conn, &own, seen, status, now).await?;
    }
    Ok(repo::find(conn, id).await?)
}

async fn move_on(
    conn: &mut PgConnection,
    own: &Payment,
    seen: &Seen,
    status: Status,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    match (&seen.outcome, status) {
        (Outcome::Canceled(canceled), Status::Canceled) => return cancel(conn, own, canceled, now).await,
        (_, Status::Succeeded) => {
            booking::paid(conn, own, now).await?;
            if let Some(fee) = seen.fee_minor {
                booking::fee(conn, own, fee).await?;
            }
            repo::set_status(conn, own.id, status, None, now).await?;
            tell(conn, own, "billing.payment.succeeded.v1", None).await?;
        }
        _ => repo::set_status(conn, own.id, status, None, now).await?,
    }
    if let Some(method) = seen.saved_method.as_ref().filter(|_| own.save_method) {
        repo::keep_method(conn, own, method).await?;
    }
    Ok(())
}

/// Nothing will come of it.
pub(super) async fn cancel(
    conn: &mut PgConnection,
    own: &Payment,
    canceled: &Canceled,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    let reason = canceled.reason.as_str();
    repo::set_status(conn, own.id, Status::Canceled, Some((reason, &canceled.code)), now).await?;
    if let Some(method) = own.method.filter(|_| canceled.reason.ends_method()) {
        repo::end_method(&mut *conn, method, &canceled.code, now).await?;
    }
    tell(conn, own, "billing.payment.canceled.v1", Some(&canceled.code)).await
}

/// The provider refuses to make it, or never had it: nothing was done.
pub(super) async fn give_up(
    conn: &mut PgConnection,
    id: PaymentId,
    code: &str,
    now: OffsetDateTime,
) -> Result<Option<Payment>, PaymentError> {
    let Some(own) = repo::lock(conn, id).await? else { return Ok(None) };
    if own.status == Status::Created {
        cancel(conn, &own, &Canceled { reason: CancelReason::Other, code: code.to_owned() }, now).await?;
    }
    Ok(repo::find(conn, id).await?)
}

async fn tell(conn: &mut PgConnection, own: &Payment, topic: &str, why: Option<&str>) -> Result<(), PaymentError> {
    let message = serde_json::json!({
        "payment_id": own.id, "provider": own.provider, "owner": own.owner, "amount_minor": own.amount.minor(),
        "currency": own.amount.currency().code(), "why": why,
    });
    Ok(outbox::push(conn, topic, &own.owner, &message).await?)
}
