//! How many final blocks to ask for at once.

const FIRST: u64 = 512;
const LARGEST: u64 = 16_384;
/// An answer with more logs than this is shortened next time: it costs memory, and the next one may be refused.
const COMFORTABLE_LOGS: usize = 4_000;

/// Longest wait, in answered ranges, before a size is tried that may be refused.
const MOST_PATIENCE: u32 = 64;

/// A size that nodes take: halved when one refuses, doubled again up to a ceiling below what was refused. The ceiling is
/// raised by a quarter now and then: seldom where that is refused, soon where it is not, as after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    size: u64,
    ceiling: u64,
    /// Answers at the ceiling before it is raised.
    patience: u32,
    waited: u32,
    /// The ceiling was raised and not yet reached.
    trying: bool,
}

impl Default for Ranges {
    fn default() -> Self {
        Self { size: FIRST, ceiling: LARGEST, patience: 1, waited: 0, trying: false }
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
        if self.size < self.ceiling {
            self.size = (self.size * 2).min(self.ceiling);
            return;
        }
        if std::mem::take(&mut self.trying) {
            self.patience = (self.patience / 2).max(1);
        }
        self.waited += 1;
        if self.waited >= self.patience && self.ceiling < LARGEST {
            self.ceiling = (self.ceiling + self.ceiling / 4 + 1).min(LARGEST);
            self.size = self.ceiling;
            (self.waited, self.trying) = (0, true);
        }
    }

    /// A range was refused; `false` when it cannot be smaller.
    pub(crate) fn refused(&mut self) -> bool {
        let smaller = self.size > 1;
        self.ceiling = (self.size * 3 / 4).max(1);
        self.size = (self.size / 2).max(1);
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
        (self.waited, self.trying) = (0, false);
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
            prop_assert!(ranges.size() <= cap * 5 / 4 + 1 && ranges.size() >= cap / 4);
            prop_assert!(refusals < 40, "{refusals} refusals");
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
    fn after_an_outage_it_grows_again() {
        let mut ranges = Ranges::default();
        while ranges.refused() {}
        for _ in 0..250 {
            ranges.answered(0);
        }
        assert!(ranges.size() > FIRST);
    }

    #[test]
    fn heavy_answers_make_the_next_range_smaller() {
        let mut ranges = Ranges::default();
        ranges.answered(COMFORTABLE_LOGS + 1);
        assert_eq!(ranges.size(), FIRST / 2);
    }
}
