//! Periods of a schedule. Pure.

use time::{Duration, OffsetDateTime};

/// What is paid for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First instant.
    pub start: OffsetDateTime,
    /// First instant past it.
    pub end: OffsetDateTime,
}

/// The period that contains `at`, of those that follow each other from `anchor` on, as the contract has it (`PeriodLib.periodAt`); the
/// first one when `at` is before it. What lies between the anchor and that period is nobody's debt.
#[must_use]
pub fn period_at(anchor: OffsetDateTime, period_secs: i64, at: OffsetDateTime) -> Period {
    let period_secs = period_secs.max(1);
    let late = (at - anchor).whole_seconds().max(0);
    let start = anchor + Duration::seconds(late - late % period_secs);
    Period { start, end: start + Duration::seconds(period_secs) }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_period_is_the_schedules_own_and_never_drifts() {
        let anchor = datetime!(2026-01-01 00:00 UTC);
        for (late, start) in [(-5, 0), (0, 0), (1, 0), (86_399, 0), (86_400, 86_400), (200_000, 172_800)] {
            let period = period_at(anchor, 86_400, anchor + Duration::seconds(late));
            assert_eq!(period.start, anchor + Duration::seconds(start));
            assert_eq!(period.end - period.start, Duration::days(1));
        }
    }
}
