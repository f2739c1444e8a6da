//! When a refused charge is tried again, and when not any more. Pure.

use time::{Duration, OffsetDateTime};

use super::{Outcome, Reason};

/// What follows a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look again at this instant of chain time; the refusal counts as a failed attempt.
    RetryAt(OffsetDateTime),
    /// Look again; the subscriber did nothing wrong, so it does not count.
    LookAgainAt(OffsetDateTime),
    /// No more attempts for this due time.
    GiveUp,
    /// Nothing is owed any more.
    Cancel,
}

/// Waits after the first, second, … failed attempt; after the last one the charge has failed for good.
const WAITS: [Duration; 4] = [Duration::hours(6), Duration::days(1), Duration::days(3), Duration::days(5)];

/// What follows `reason` at the `attempt`-th attempt (counted from 1), by chain time `now`.
#[must_use]
pub fn next_step(attempt: u32, reason: Reason, now: OffsetDateTime) -> Step {
    match reason {
        // A price above the subscriber's bound comes down again, or the subscriber signs a higher one.
        Reason::InsufficientBalance | Reason::InsufficientAllowance | Reason::TransferFailed | Reason::AboveMaximum => {
            let waited = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
            WAITS.get(waited).map_or(Step::GiveUp, |wait| Step::RetryAt(now + *wait))
        }
        // If the chain is right for good, the mirror says so soon and the subscription is not due any more. A
        // reorganisation can still make it wrong, so nothing ends here.
        Reason::NotDue | Reason::NoPlan | Reason::NotSubscribed => Step::LookAgainAt(now + Duration::minutes(1)),
        // A stale feed is nobody's failed attempt here, whatever the chain makes of it.
        Reason::PlanInactive | Reason::RetryPending | Reason::Paused | Reason::QuoteUnavailable => {
            Step::LookAgainAt(now + Duration::hours(1))
        }
        Reason::Ended => Step::Cancel,
    }
}

/// A step as the row and the report have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: &'static str,
    pub(super) retry_at: Option<OffsetDateTime>,
    /// Whether it is one more failed attempt.
    pub(super) counts: bool,
    pub(super) outcome: Outcome,
}

/// What a refusal makes of a charge with so many failed attempts.
pub(super) fn verdict(attempts: u32, reason: Reason, now: OffsetDateTime) -> Verdict {
    let (status, retry_at, counts, outcome) = match next_step(attempts.saturating_add(1), reason, now) {
        Step::RetryAt(at) => ("pending", Some(at), true, Outcome::Skipped),
        Step::LookAgainAt(at) => ("pending", Some(at), false, Outcome::Skipped),
        Step::GiveUp => ("failed", None, true, Outcome::Failed),
        Step::Cancel => ("canceled", None, false, Outcome::Skipped),
    };
    Verdict { status, retry_at, counts, outcome }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    #[test]
    fn a_wallet_without_money_is_asked_five_times_in_ten_days() {
        let mut now = NOW;
        for attempt in 1..=4 {
            let Step::RetryAt(at) = next_step(attempt, Reason::InsufficientBalance, now) else {
                panic!("gave up at {attempt}")
            };
            now = at;
        }
        assert_eq!(now - NOW, Duration::hours(6) + Duration::days(9));
        assert_eq!(next_step(5, Reason::InsufficientBalance, now), Step::GiveUp);
        assert_eq!(next_step(u32::MAX, Reason::TransferFailed, now), Step::GiveUp);
    }

    #[test]
    fn what_is_not_the_subscribers_fault_never_ends_a_subscription() {
        for reason in [
            Reason::PlanInactive,
            Reason::RetryPending,
            Reason::NotDue,
            Reason::NotSubscribed,
            Reason::Paused,
            Reason::QuoteUnavailable,
        ] {
            assert!(matches!(next_step(1_000, reason, NOW), Step::LookAgainAt(at) if at > NOW));
        }
    }

    #[test]
    fn past_the_subscribers_own_end_nothing_is_asked_for() {
        assert_eq!(next_step(1, Reason::Ended, NOW), Step::Cancel);
    }
}
