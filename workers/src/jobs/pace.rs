//! When the next run is: at once, after the interval, or later and later while it goes wrong.

use std::time::Duration;

use super::Left;

/// Between two tries of what goes wrong, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_secs(1);

pub(super) struct Pace {
    interval: Duration,
    wait: Duration,
}

impl Pace {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, wait: FIRST_WAIT }
    }

    /// How long to wait after a run.
    pub(super) fn after<E>(&mut self, left: &Result<Left, E>) -> Duration {
        match left {
            Ok(left) => {
                self.wait = FIRST_WAIT;
                if *left == Left::More { Duration::ZERO } else { self.interval }
            }
            Err(_) => {
                let wait = self.wait;
                self.wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                wait
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_is_tried_again_ever_later_and_soon_after_it_went_right() {
        let mut pace = Pace::new(Duration::from_secs(86_400));
        let mut secs = |left: Result<Left, ()>| pace.after(&left).as_secs();
        let waits: Vec<u64> = (0..7).map(|_| secs(Err(()))).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!([secs(Ok(Left::More)), secs(Err(())), secs(Ok(Left::Nothing))], [0, 1, 86_400]);
    }
}
