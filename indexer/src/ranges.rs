//! How many final blocks to ask for at once.

const FIRST: u64 = 512;
const LARGEST: u64 = 16_384;
/// An answer with more logs than this is shortened next time: it costs memory, and the next one may be refused.
const COMFORTABLE_LOGS: usize = 4_000;

/// A size that nodes take: halved when one refuses, doubled up to where one refused, then raised by small steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    size: u64,
    /// From here on it grows slowly.
    careful_from: u64,
}

impl Default for Ranges {
    fn default() -> Self {
        Self { size: FIRST, careful_from: LARGEST }
    }
}

impl Ranges {
    /// Blocks of the next range; at least one.
    pub(crate) const fn size(self) -> u64 {
        self.size
    }

    /// A range was answered with this many logs.
    pub(crate) fn answered(&mut self, logs: usize) {
        if logs > COMFORTABLE_LOGS {
            self.size = (self.size / 2).max(1);
            return;
        }
        let grown = if self.size < self.careful_from {
            (self.size * 2).min(self.careful_from)
        } else {
            self.size + (self.size / 8).max(1)
        };
        self.size = grown.min(LARGEST);
    }

    /// A range was refused; `false` when it cannot be smaller.
    pub(crate) fn refused(&mut self) -> bool {
        let smaller = self.size > 1;
        self.size = (self.size / 2).max(1);
        self.careful_from = self.size;
        smaller
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settle(cap: u64, rounds: usize) -> (Ranges, usize) {
        let (mut ranges, mut refusals) = (Ranges::default(), 0);
        for _ in 0..rounds {
            if ranges.size() > cap {
                ranges.refused();
                refusals += 1;
            } else {
                ranges.answered(0);
            }
        }
        (ranges, refusals)
    }

    proptest! {
        #[test]
        fn a_cap_is_found_and_seldom_tried_again(cap in 1_u64..5_000) {
            let (ranges, refusals) = settle(cap, 400);
            prop_assert!(ranges.size() <= cap * 9 / 8 + 1 && ranges.size() >= cap / 4);
            prop_assert!(refusals < 200);
        }

        #[test]
        fn the_size_stays_in_bounds(steps in prop::collection::vec((any::<bool>(), 0_usize..10_000), 0..200)) {
            let mut ranges = Ranges::default();
            for (refused, logs) in steps {
                if refused { ranges.refused(); } else { ranges.answered(logs) }
                prop_assert!((1..=LARGEST).contains(&ranges.size()));
            }
        }
    }

    #[test]
    fn heavy_answers_make_the_next_range_smaller() {
        let mut ranges = Ranges::default();
        ranges.answered(COMFORTABLE_LOGS + 1);
        assert_eq!(ranges.size(), FIRST / 2);
    }
}
