//! Taking a period from a saved method.

use billing_fiat::CancelReason;
use sqlx::{PgConnection, PgPool};

use super::{
    super::dunning,
    Round,
    fallback_repo::{self, Handed},
};
use crate::{
    ids::{ChargeAttemptId, PaymentId},
    outbox,
    payments::{self, Asked, Intent, Order, PaymentError, Pays, Providers, Purpose, Status},
    period::period_at,
};

/// Writes the payment of an attempt that was handed over; who polls payments sends it.
pub(super) async fn begin(
    pool: &PgPool,
    providers: &Providers,
    id: ChargeAttemptId,
    round: &mut Round,
) -> Result<(), PaymentError> {
    let mut db_tx = pool.begin().await?;
    let Some(handed) = fallback_repo::lock(&mut db_tx, id).await?.filter(|handed| handed.open.is_none()) else {
        return Ok(());
    };
    if !fallback_repo::is_active(&mut db_tx, &handed.key).await? {
        // Nothing is due while it is not; were it to go on, the chain is asked first.
        fallback_repo::hand_back(&mut db_tx, id, "pending", None).await?;
        return Ok(db_tx.commit().await?);
    }
    let Some(agreed) = fallback_repo::find(&mut db_tx, &handed.key).await? else {
        // Ended since: the chain is asked again.
        decline(&mut db_tx, &handed, CancelReason::MethodRevoked).await?;
        return Ok(db_tx.commit().await?);
    };
    let method = fallback_repo::provider_of(&mut db_tx, agreed.method).await?;
    let order = Order {
        // One for each refusal of the chain: after one that was declined, the next is another payment.
        asked: Asked { by: "fallback".to_owned(), key: format!("{}.{}", handed.id, handed.payments) },
        provider: method,
        owner: agreed.owner,
        amount: agreed.price,
        purpose: Purpose::Period,
        pays: Pays::HeldOnSaved(agreed.method),
        description: agreed.description,
        buyer: agreed.buyer,
        receipt: agreed.receipt,
    };
    match payments::start_in_tx(&mut db_tx, providers, &order).await {
        Ok(payment) => {
            fallback_repo::insert(&mut db_tx, payment, id).await?;
            round.begun += 1;
        }
        Err(error @ (PaymentError::Incapable { .. } | PaymentError::NoMethod(_))) => {
            tracing::warn!(charge_attempt.id = %id, %error, "a saved method cannot be charged");
            decline(&mut db_tx, &handed, CancelReason::MethodInvalid).await?;
            round.declined += 1;
        }
        // Another process of this installation may have the provider: the attempt waits for it.
        Err(PaymentError::NoProvider(_)) => return Ok(()),
        Err(error) => return Err(error),
    }
    Ok(db_tx.commit().await?)
}

/// Looks at what became of a payment, and decides about it under the attempt's lock.
pub(super) async fn follow(pool: &PgPool, payment: PaymentId, round: &mut Round) -> Result<(), PaymentError> {
    let mut db_tx = pool.begin().await?;
    let Some(attempt) = fallback_repo::attempt_of(&mut db_tx, payment).await? else { return Ok(()) };
    // The mirror may have given it to the chain before this lock.
    let Some(handed) = fallback_repo::lock(&mut db_tx, attempt).await?.filter(|handed| handed.open == Some(payment))
    else {
        return Ok(());
    };
    let Some(paid) = payments::lock_in_tx(&mut db_tx, payment).await? else { return Ok(()) };
    match paid.status {
        Status::Created | Status::Pending => return Ok(()),
        Status::Authorized if paid.intent == Intent::Hold => {
            if fallback_repo::is_active(&mut db_tx, &handed.key).await? {
                payments::decide_in_tx(&mut db_tx, payment, Intent::Capture).await?;
                round.captured += 1;
            } else {
                // Cancelled or paused on the chain meanwhile: what is only held is let go.
                fallback_repo::set_state(&mut db_tx, payment, "undo").await?;
                fallback_repo::hand_back(&mut db_tx, handed.id, "pending", None).await?;
            }
        }
        Status::Authorized => return Ok(()),
        Status::Succeeded => {
            let period = period_at(handed.due_at, handed.period_secs, handed.handed_at);
            fallback_repo::set_state(&mut db_tx, payment, "paid").await?;
            fallback_repo::settle(&mut db_tx, &handed, &period).await?;
            tell(&mut db_tx, &handed, payment, "billing.charge.paid_by_fiat.v1").await?;
            round.paid += 1;
        }
        Status::Canceled => {
            let reason = paid.canceled.map_or(CancelReason::Other, |canceled| canceled.reason);
            fallback_repo::set_state(&mut db_tx, payment, "declined").await?;
            decline(&mut db_tx, &handed, reason).await?;
            tell(&mut db_tx, &handed, payment, "billing.charge.declined_by_fiat.v1").await?;
            round.declined += 1;
        }
    }
    Ok(db_tx.commit().await?)
}

/// The attempt is the chain's again, or over. Times go by the chain's clock, from when it was handed over.
async fn decline(conn: &mut PgConnection, handed: &Handed, reason: CancelReason) -> Result<(), PaymentError> {
    let verdict = dunning::fiat_verdict(handed.attempts, reason, handed.handed_at);
    Ok(fallback_repo::hand_back(conn, handed.id, verdict.status, verdict.retry_at).await?)
}

async fn tell(conn: &mut PgConnection, handed: &Handed, payment: PaymentId, topic: &str) -> Result<(), PaymentError> {
    let key = &handed.key;
    let message = serde_json::json!({
        "chain_id": key.chain_id, "plan_hash": key.plan_hash, "subscriber": key.subscriber,
        "due_at": handed.due_at.unix_timestamp(), "payment_id": payment,
    });
    Ok(outbox::push(conn, topic, &key.subscriber.to_string(), &message).await?)
}
