//! A payer's bank asks a payment back: the money is gone at once, and with it the credits that are left. When it is won, both come back.

use billing_fiat::{self as fiat, DisputeStatus};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{PaymentError, Purpose, booking, dispute_repo, refund, repo};
use crate::{
    ids::TransferId,
    ledger::{Amount, House},
    outbox,
};

/// Records what the provider says of a dispute, in the caller's transaction.
pub(super) async fn record(
    conn: &mut PgConnection,
    provider: &str,
    seen: &fiat::Dispute,
    now: OffsetDateTime,
) -> Result<&'static str, PaymentError> {
    let Some(payment) = repo::by_external(&mut *conn, provider, &seen.payment).await? else { return Ok("not ours") };
    let own = repo::lock(conn, payment).await?.ok_or(PaymentError::NoPayment(payment))?;
    if own.succeeded_at.is_none() {
        return Ok("of a payment that is not paid here");
    }
    let stored = match dispute_repo::find(conn, payment, &seen.external_id).await? {
        Some(stored) => stored,
        None => open(conn, &own, seen).await?,
    };
    if stored.status != DisputeStatus::Open || seen.status == DisputeStatus::Open {
        return Ok("recorded");
    }
    dispute_repo::set_status(conn, stored.id, seen.status).await?;
    if seen.status == DisputeStatus::Won {
        let transfer = |what: &str| TransferId::named(&["dispute", &stored.id.to_string(), what]);
        booking::came_back(conn, &own, transfer("won"), stored.amount_minor, "dispute_won").await?;
        booking::give_again(conn, &own, transfer("given again"), stored.credits, now).await?;
    }
    tell(conn, &own, seen).await?;
    Ok("recorded")
}

async fn open(
    conn: &mut PgConnection,
    own: &super::Payment,
    seen: &fiat::Dispute,
) -> Result<dispute_repo::Stored, PaymentError> {
    let id = Uuid::now_v7();
    let transfer = |what: &str| TransferId::named(&["dispute", &id.to_string(), what]);
    let credits = match &own.purpose {
        Purpose::Period => Amount::ZERO,
        Purpose::TopUp(bought) => {
            let wanted = refund::credits_for(seen.amount.minor(), own.amount.minor(), bought.credits);
            booking::take_credits(conn, own, transfer("credits"), wanted).await?
        }
    };
    booking::returned(conn, own, transfer("money"), seen.amount.minor(), "dispute").await?;
    booking::spent(conn, own, transfer("fee"), House::Fees, seen.fee_minor, "dispute_fee").await?;
    let stored = dispute_repo::insert(conn, id, own.id, seen, credits).await?;
    tell(conn, own, seen).await?;
    Ok(stored)
}

async fn tell(conn: &mut PgConnection, own: &super::Payment, seen: &fiat::Dispute) -> Result<(), PaymentError> {
    let message = serde_json::json!({
        "payment_id": own.id, "owner": own.owner, "amount_minor": seen.amount.minor(),
        "currency": seen.amount.currency().code(), "status": dispute_repo::word(seen.status), "reason": seen.reason,
    });
    Ok(outbox::push(conn, "billing.dispute.changed.v1", &own.owner, &message).await?)
}
