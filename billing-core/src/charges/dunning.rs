//! When a refused charge is tried again, on which rail, and when not any more. Pure.

use billing_fiat::CancelReason;
use time::{Duration, OffsetDateTime};

use super::{Outcome, Reason};

/// Why a charge was refused, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The chain.
    Chain(Reason),
    /// A saved method.
    Fiat(CancelReason),
}

/// What a subscription can be charged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rails {
    /// A saved method that its owner agreed to.
    pub fiat: bool,
}

/// What follows a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look again at this instant of chain time; the refusal counts as a failed attempt, and the subscriber is told.
    RetryAt(OffsetDateTime),
    /// Look again; the subscriber did nothing wrong, so it does not count.
    LookAgainAt(OffsetDateTime),
    /// Take the period from the saved method; the refusal counts.
    ChargeFiat,
    /// No more attempts for this due time.
    GiveUp,
    /// Nothing is owed any more.
    Cancel,
}

/// Waits after the first, second, … failed attempt; after the last one the charge has failed for good.
const WAITS: [Duration; 4] = [Duration::hours(6), Duration::days(1), Duration::days(3), Duration::days(5)];
/// Refusals of the chain that count, from which on the saved method is charged: at the first, so that nobody is without what they
/// pay for.
const FIAT_FROM: u32 = 1;

/// What follows `cause` at the `attempt`-th attempt (counted from 1), by chain time `now`.
#[must_use]
pub fn next_step(attempt: u32, cause: Cause, rails: Rails, now: OffsetDateTime) -> Step {
    match cause {
        // A price above the subscriber's bound comes down again, or the subscriber signs a higher one.
        Cause::Chain(
            Reason::InsufficientBalance | Reason::InsufficientAllowance | Reason::TransferFailed | Reason::AboveMaximum,
        ) => {
            if rails.fiat && attempt >= FIAT_FROM {
                Step::ChargeFiat
            } else {
                wait_after(attempt, now)
            }
        }
        // If the chain is right for good, the mirror says so soon and the subscription is not due any more. A
        // reorganisation can still make it wrong, so nothing ends here.
        Cause::Chain(Reason::NotDue | Reason::NoPlan | Reason::NotSubscribed) => {
            Step::LookAgainAt(now + Duration::minutes(1))
        }
        // A stale feed is nobody's failed attempt here, whatever the chain makes of it.
        Cause::Chain(Reason::PlanInactive | Reason::RetryPending | Reason::Paused | Reason::QuoteUnavailable) => {
            Step::LookAgainAt(now + Duration::hours(1))
        }
        Cause::Chain(Reason::Ended) => Step::Cancel,
        // Neither the bank nor the provider could say: it is asked again, and the chain before it.
        Cause::Fiat(CancelReason::Unavailable) => Step::LookAgainAt(now + Duration::hours(1)),
        // The chain's refusal was counted before it.
        Cause::Fiat(_) => wait_after(attempt, now),
    }
}

fn wait_after(attempt: u32, now: OffsetDateTime) -> Step {
    let waited = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
    WAITS.get(waited).map_or(Step::GiveUp, |wait| Step::RetryAt(now + *wait))
}

/// A step as the row and the report have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: &'static str,
    pub(super) retry_at: Option<OffsetDateTime>,
    /// Whether it is one more failed attempt.
    pub(super) counts: bool,
    pub(super) outcome: Outcome,
    /// When it became the fiat rail's.
    pub(super) handed_at: Option<OffsetDateTime>,
}

/// What a refusal of the chain makes of a charge with so many failed attempts.
pub(super) fn verdict(attempts: u32, reason: Reason, rails: Rails, now: OffsetDateTime) -> Verdict {
    of(next_step(attempts.saturating_add(1), Cause::Chain(reason), rails, now), now)
}

/// What a refusal of a saved method makes of a charge with so many failed attempts, of which the last one was the chain's refusal.
pub(super) fn fiat_verdict(attempts: u32, reason: CancelReason, now: OffsetDateTime) -> Verdict {
    let verdict = of(next_step(attempts.max(1), Cause::Fiat(reason), Rails { fiat: false }, now), now);
    Verdict { counts: false, ..verdict }
}

fn of(step: Step, now: OffsetDateTime) -> Verdict {
    let (status, retry_at, counts, outcome) = match step {
        Step::RetryAt(at) => ("pending", Some(at), true, Outcome::Skipped),
        Step::LookAgainAt(at) => ("pending", Some(at), false, Outcome::Skipped),
        Step::ChargeFiat => ("fiat", None, true, Outcome::Fiat),
        Step::GiveUp => ("failed", None, true, Outcome::Failed),
        Step::Cancel => ("canceled", None, false, Outcome::Skipped),
    };
    let handed_at = (step == Step::ChargeFiat).then_some(now);
    Verdict { status, retry_at, counts, outcome, handed_at }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
    const CHAIN_ONLY: Rails = Rails { fiat: false };
    const BOTH: Rails = Rails { fiat: true };

    #[test]
    fn a_wallet_without_money_is_asked_five_times_in_ten_days() {
        let mut now = NOW;
        for attempt in 1..=4 {
            let step = next_step(attempt, Cause::Chain(Reason::InsufficientBalance), CHAIN_ONLY, now);
            let Step::RetryAt(at) = step else { panic!("gave up at {attempt}") };
            now = at;
        }
        assert_eq!(now - NOW, Duration::hours(6) + Duration::days(9));
        assert_eq!(next_step(5, Cause::Chain(Reason::InsufficientBalance), CHAIN_ONLY, now), Step::GiveUp);
        assert_eq!(next_step(u32::MAX, Cause::Chain(Reason::TransferFailed), CHAIN_ONLY, now), Step::GiveUp);
    }

    #[test]
    fn what_is_not_the_subscribers_fault_never_ends_a_subscription_and_never_charges_a_card() {
        for reason in [
            Reason::PlanInactive,
            Reason::RetryPending,
            Reason::NotDue,
            Reason::NotSubscribed,
            Reason::Paused,
            Reason::QuoteUnavailable,
        ] {
            for rails in [CHAIN_ONLY, BOTH] {
                let step = next_step(1_000, Cause::Chain(reason), rails, NOW);
                assert!(matches!(step, Step::LookAgainAt(at) if at > NOW), "{reason}");
            }
        }
    }

    #[test]
    fn past_the_subscribers_own_end_nothing_is_asked_for() {
        for rails in [CHAIN_ONLY, BOTH] {
            assert_eq!(next_step(1, Cause::Chain(Reason::Ended), rails, NOW), Step::Cancel);
        }
    }

    #[test]
    fn a_saved_method_is_charged_as_soon_as_the_wallet_cannot_pay() {
        for reason in
            [Reason::InsufficientBalance, Reason::InsufficientAllowance, Reason::TransferFailed, Reason::AboveMaximum]
        {
            assert_eq!(next_step(1, Cause::Chain(reason), BOTH, NOW), Step::ChargeFiat);
        }
    }

    #[test]
    fn both_rails_refusing_ends_as_soon_as_one_alone() {
        for reason in CancelReason::ALL {
            let mut steps = (1..=5).map(|attempt| next_step(attempt, Cause::Fiat(reason), BOTH, NOW));
            if reason == CancelReason::Unavailable {
                assert!(steps.all(|step| matches!(step, Step::LookAgainAt(_))));
            } else {
                assert!(steps.by_ref().take(4).all(|step| matches!(step, Step::RetryAt(_))));
                assert_eq!(steps.next(), Some(Step::GiveUp));
            }
        }
    }
}
