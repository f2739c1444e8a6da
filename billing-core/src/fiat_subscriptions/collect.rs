//! Collecting periods.

use billing_fiat::CancelReason;
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};

use super::{FiatSubscription, Round, Status, refusal, repo, save};
use crate::{
    ids::FiatSubscriptionId,
    payments::{self, Asked, Intent, Order, Payment, PaymentError, Pays, Providers, Purpose, Status as PaymentStatus},
    period::period_at,
};

/// Until a provider that cannot charge kept methods now is tried again.
const INCAPABLE_WAIT: Duration = Duration::hours(1);

/// One key for each payment of a subscription; no service's name has a space.
pub(super) fn asked(id: FiatSubscriptionId, number: i32) -> Asked {
    Asked { by: "fiat subscriptions".to_owned(), key: format!("{id}.{number}") }
}

/// Does what is to be done about a subscription now, unless somebody else is at it.
pub(super) async fn advance(
    pool: &PgPool,
    providers: &Providers,
    id: FiatSubscriptionId,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), PaymentError> {
    let mut db_tx = pool.begin().await?;
    let Some(mut own) = repo::lock_free(&mut db_tx, id).await? else { return Ok(()) };
    if own.status.is_over() {
        return Ok(());
    }
    if let Some(payment) = own.open {
        let Some(payment) = payments::lock_in_tx(&mut db_tx, payment).await? else { return Ok(()) };
        follow(&mut db_tx, &mut own, &payment, now, round).await?;
    } else if own.look_at.is_none_or(|at| at > now) {
        return Ok(());
    } else if own.canceled_at.is_some() {
        own.wind_up(now);
        save(&mut db_tx, &own, "ended").await?;
    } else {
        begin(&mut db_tx, providers, &mut own, now, round).await?;
    }
    db_tx.commit().await?;
    round.ended += usize::from(own.status.is_over());
    Ok(())
}

/// Writes the payment of the next period; who polls payments sends it.
async fn begin(
    conn: &mut PgConnection,
    providers: &Providers,
    own: &mut FiatSubscription,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), PaymentError> {
    let Some(method) = own.method else {
        refusal::without_method(own);
        return Ok(save(conn, own, "no_method").await?);
    };
    let number = repo::payments_so_far(conn, own.id).await?;
    let order = Order {
        asked: asked(own.id, number),
        provider: own.provider.clone(),
        owner: own.owner.clone(),
        amount: own.price,
        purpose: Purpose::Period,
        pays: Pays::HeldOnSaved(method),
        description: own.description.clone(),
        buyer: own.buyer.clone(),
        receipt: own.receipt.clone(),
    };
    match payments::start_in_tx(conn, providers, &order).await {
        Ok(payment) => {
            repo::add_payment(conn, own.id, number, payment).await?;
            own.look_at = None;
            // Nothing to tell: how it stands to its subscriber has not changed.
            repo::save(conn, own).await?;
            round.begun += 1;
            Ok(())
        }
        Err(PaymentError::NoMethod(_)) => {
            refusal::without_method(own);
            Ok(save(conn, own, "method_ended").await?)
        }
        Err(error @ PaymentError::Incapable { .. }) => {
            tracing::error!(fiat_subscription.id = %own.id, %error, "a subscription cannot be charged");
            own.status = Status::PastDue;
            own.look_at = Some(now + INCAPABLE_WAIT);
            Ok(save(conn, own, "provider_incapable").await?)
        }
        Err(error) => Err(error),
    }
}

/// Looks at what became of a payment, and decides about it; both are locked.
async fn follow(
    conn: &mut PgConnection,
    own: &mut FiatSubscription,
    payment: &Payment,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), PaymentError> {
    match payment.status {
        PaymentStatus::Created | PaymentStatus::Pending => {}
        PaymentStatus::Authorized => {
            if payment.intent == Intent::Hold {
                let intent = if own.canceled_at.is_some() { Intent::Release } else { Intent::Capture };
                payments::decide_in_tx(conn, payment.id, intent).await?;
                round.decided += 1;
            }
        }
        PaymentStatus::Succeeded => {
            settle(conn, own, payment, now).await?;
            round.paid += 1;
        }
        PaymentStatus::Canceled => {
            let reason = payment.canceled.as_ref().map_or(CancelReason::Other, |canceled| canceled.reason);
            repo::decline_payment(conn, payment.id).await?;
            if own.status == Status::Incomplete {
                own.status = Status::Canceled;
            } else if own.canceled_at.is_some() {
                own.wind_up(now);
            } else {
                refusal::refuse(own, payment.method, reason, now);
            }
            save(conn, own, reason.as_str()).await?;
            round.declined += 1;
        }
    }
    Ok(())
}

/// Paid: the period in which the money was taken, or the first one that is not paid, whichever is later.
async fn settle(
    conn: &mut PgConnection,
    own: &mut FiatSubscription,
    payment: &Payment,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    let taken_at = payment.succeeded_at.unwrap_or(now);
    let anchor = *own.started_at.get_or_insert(taken_at);
    // Another process's clock, a little behind, must not pay for what is paid.
    let at = own.paid_until.map_or(taken_at, |until| until.max(taken_at));
    let period = period_at(anchor, own.period_secs, at);
    repo::pay_period(conn, payment.id, &period).await?;
    own.paid_until = Some(period.end);
    own.look_at = Some(period.end);
    own.method = payment.kept.or(own.method);
    own.status = Status::Active;
    own.attempts = 0;
    if own.canceled_at.is_some() {
        own.wind_up(now);
    }
    Ok(save(conn, own, "paid").await?)
}
