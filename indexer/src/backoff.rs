//! How long to wait after failures.

use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);

/// Pause after the given number of failures in a row: doubled each time up to 15 s, then shortened by up to half at
/// random, so that many processes do not come back at once.
pub(crate) fn pause(failures: u32) -> Duration {
    let full = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST);
    let micros = u64::try_from(full.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rand::rng().random_range(micros / 2..=micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for failures in 0..100 {
            assert!(pause(failures) >= FIRST / 2 && pause(failures) <= LONGEST);
        }
        assert!(pause(5) > pause(1));
    }
}
