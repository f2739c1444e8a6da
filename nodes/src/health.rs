//! When a node that failed is asked again.

use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(15);

/// `full` shortened by up to half at random, so that many callers do not come back at once.
pub(crate) fn jittered(full: Duration) -> Duration {
    let micros = u64::try_from(full.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rand::rng().random_range(micros / 2..=micros))
}

/// `FIRST` doubled with each failure in a row, up to `LONGEST`; jittered.
pub(crate) fn pause(failures: u32) -> Duration {
    jittered(FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST))
}

/// Failures in a row, and the cool-down after them.
#[derive(Debug)]
pub(crate) struct Health {
    failures: u32,
    cool_until: Instant,
}

impl Health {
    pub(crate) fn new(now: Instant) -> Self {
        Self { failures: 0, cool_until: now }
    }

    /// How long the node is left alone; zero when it may be asked.
    pub(crate) fn cooling(&self, now: Instant) -> Duration {
        self.cool_until.saturating_duration_since(now)
    }

    pub(crate) fn answered(&mut self) {
        self.failures = 0;
    }

    /// Questions that were under way together fail together, and count once.
    pub(crate) fn failed(&mut self, now: Instant) {
        if now >= self.cool_until {
            self.failures = self.failures.saturating_add(1);
            self.cool_until = now + pause(self.failures);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn cool_downs_grow_to_a_bound_and_one_answer_ends_them() {
        let mut health = Health::new(Instant::now());
        for _ in 0..40 {
            health.failed(Instant::now());
            let cooling = health.cooling(Instant::now());
            assert!(cooling >= FIRST / 2 && cooling <= LONGEST);
            health.failed(Instant::now());
            assert_eq!(health.cooling(Instant::now()), cooling);
            tokio::time::advance(cooling).await;
        }
        health.failed(Instant::now());
        assert!(health.cooling(Instant::now()) >= LONGEST / 2);
        tokio::time::advance(LONGEST).await;
        health.answered();
        health.failed(Instant::now());
        assert!(health.cooling(Instant::now()) <= FIRST);
    }
}
