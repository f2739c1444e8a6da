//! What a payment that came to nothing makes of a subscription. Pure.

use billing_fiat::CancelReason;
use time::OffsetDateTime;

use super::{FiatSubscription, Status};
use crate::{
    charges::dunning::{Cause, Rails, Step, next_step},
    ids::PaymentMethodId,
};

/// A payment on `charged` was refused for `reason`.
pub(super) fn refuse(
    own: &mut FiatSubscription,
    charged: Option<PaymentMethodId>,
    reason: CancelReason,
    now: OffsetDateTime,
) {
    own.status = Status::PastDue;
    if charged != own.method {
        // Its owner gave another one meanwhile, which refused nothing.
        own.look_at = own.method.map(|_| now);
        return;
    }
    if reason.ends_method() {
        without_method(own);
        return;
    }
    let attempt = own.attempts.saturating_add(1);
    match next_step(attempt, Cause::Fiat(reason), Rails { fiat: true }, now) {
        Step::RetryAt(at) => {
            own.attempts = attempt;
            own.look_at = Some(at);
        }
        Step::LookAgainAt(at) => own.look_at = Some(at),
        Step::ChargeFiat => own.look_at = Some(now),
        Step::GiveUp | Step::Cancel => {
            own.attempts = attempt;
            own.status = Status::Failed;
            own.look_at = None;
        }
    }
}

/// Its method cannot be charged any more: it waits for its owner to give another one.
pub(super) fn without_method(own: &mut FiatSubscription) {
    own.status = Status::PastDue;
    own.method = None;
    own.look_at = None;
}
