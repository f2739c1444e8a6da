//! How often a node may be asked, learnt from its refusals.

use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
/// Questions a second above which nothing is held back.
const UNBOUNDED: u32 = 2_000;
/// A refusal that names no time is taken for this long.
const PAUSE: Duration = Duration::from_secs(1);
/// No node silences itself for longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

/// A token bucket of one second's size: unbounded until the first refusal, then at half the rate that was refused, and
/// a quarter faster after every second without another.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Questions a second.
    rate: u32,
    /// Questions in the second that began at `since`.
    asked: u32,
    since: Instant,
    closed_until: Instant,
}

impl Bucket {
    pub(crate) fn new(now: Instant) -> Self {
        Self { rate: UNBOUNDED, asked: 0, since: now, closed_until: now }
    }

    /// Takes the right to one question, or says how long until there is one.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if now < self.closed_until {
            return Err(self.closed_until - now);
        }
        if now.duration_since(self.since) >= SECOND {
            self.rate = (self.rate + self.rate / 4 + 1).min(UNBOUNDED);
            (self.since, self.asked) = (now, 0);
        }
        if self.rate < UNBOUNDED && self.asked >= self.rate {
            return Err(SECOND.saturating_sub(now.duration_since(self.since)).max(Duration::from_millis(1)));
        }
        self.asked = self.asked.saturating_add(1);
        Ok(())
    }

    /// The node said that it was asked too often.
    pub(crate) fn refused(&mut self, now: Instant, retry_after: Option<Duration>) {
        // Several questions under way are refused together: that is one lesson.
        if now >= self.closed_until {
            self.rate = (self.asked.min(self.rate) / 2).max(1);
        }
        let until = now + retry_after.unwrap_or(PAUSE).min(LONGEST);
        self.closed_until = self.closed_until.max(until);
        (self.since, self.asked) = (self.closed_until, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_refusal_half_as_much_is_asked_and_slowly_more_again() {
        let mut bucket = Bucket::new(Instant::now());
        for _ in 0..100 {
            assert!(bucket.take(Instant::now()).is_ok());
        }
        bucket.refused(Instant::now(), Some(Duration::from_secs(3)));
        assert_eq!(bucket.take(Instant::now()), Err(Duration::from_secs(3)));

        tokio::time::advance(Duration::from_secs(3)).await;
        let mut seconds = Vec::new();
        for _ in 0..3 {
            seconds.push((0..1_000).filter(|_| bucket.take(Instant::now()).is_ok()).count());
            tokio::time::advance(SECOND).await;
        }
        assert_eq!(seconds, [50, 63, 79]);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_one_moment_are_one_lesson_and_no_node_is_silent_for_ever() {
        let mut bucket = Bucket::new(Instant::now());
        for _ in 0..64 {
            assert!(bucket.take(Instant::now()).is_ok());
        }
        for _ in 0..8 {
            bucket.refused(Instant::now(), Some(Duration::from_secs(86_400)));
        }
        assert_eq!(bucket.rate, 32);
        tokio::time::advance(LONGEST).await;
        assert!(bucket.take(Instant::now()).is_ok());
    }
}
