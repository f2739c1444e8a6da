//! How many final blocks to ask for at once.

use billing_nodes::Caps;

/// Little, until it is known how much that is.
const FIRST: u64 = 64;
const LARGEST: u64 = 16_384;
/// Logs that an answer should have: about 2 MB of JSON, which a node makes quickly and takes little memory.
const COMFORTABLE_LOGS: u64 = 2_000;

/// A size that brings about [`COMFORTABLE_LOGS`], as the answers so far were. What a node says that it takes at most is
/// the pool's to know; here is what was refused or not answered without a word about size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    comfortable: u64,
    caps: Caps,
}

impl Default for Ranges {
    fn default() -> Self {
        Self { comfortable: FIRST, caps: Caps::default() }
    }
}

impl Ranges {
    /// Blocks of the next range, of a node that takes `cap`; at least one.
    pub(crate) fn size(self, cap: u64) -> u64 {
        self.comfortable.min(self.caps.span()).min(cap).max(1)
    }

    /// A range of so many blocks was answered with so many logs. It at most doubles: what lies ahead may be denser.
    pub(crate) fn answered(&mut self, blocks: u64, logs: usize) {
        let logs = u64::try_from(logs).unwrap_or(u64::MAX).max(1);
        let comfortable = blocks.saturating_mul(COMFORTABLE_LOGS) / logs;
        self.comfortable = comfortable.clamp(1, blocks.saturating_mul(2).max(2)).min(LARGEST);
        self.caps.answered(blocks);
    }

    /// A range of so many blocks was refused; `false` when it cannot be smaller.
    pub(crate) fn refused(&mut self, blocks: u64) -> bool {
        self.caps.refused(blocks, None);
        blocks > 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn answers_of_even_blocks_come_to_be_comfortable(density in 0_u64..3_000) {
            let mut ranges = Ranges::default();
            for _ in 0..20 {
                let size = ranges.size(u64::MAX);
                ranges.answered(size, usize::try_from(size * density).expect("small"));
            }
            let size = ranges.size(u64::MAX);
            prop_assert!(size == LARGEST || size == 1 || (1_000..=2_000).contains(&(size * density)), "{size}");
        }

        #[test]
        fn the_size_stays_in_bounds(steps in prop::collection::vec((any::<bool>(), 0_usize..10_000, 1_u64..5_000), 0..200)) {
            let mut ranges = Ranges::default();
            for (refused, logs, cap) in steps {
                let size = ranges.size(cap);
                prop_assert!((1..=cap.min(LARGEST)).contains(&size));
                if refused { ranges.refused(size); } else { ranges.answered(size, logs) }
            }
        }

        #[test]
        fn refusals_come_to_an_end(first in 1_u64..=LARGEST) {
            let mut ranges = Ranges { comfortable: first, ..Ranges::default() };
            let refusals = (0..).take_while(|_| { let size = ranges.size(u64::MAX); ranges.refused(size) }).count();
            prop_assert!(refusals <= 14);
        }

        #[test]
        fn a_cap_without_a_word_is_found_and_seldom_tried_again(cap in 1_u64..5_000) {
            let (mut ranges, mut refusals) = (Ranges::default(), 0);
            for _ in 0..400 {
                let size = ranges.size(u64::MAX);
                if size > cap {
                    ranges.refused(size);
                    refusals += 1;
                } else {
                    ranges.answered(size, 0);
                }
            }
            prop_assert!(refusals < 40, "{refusals} refusals");
        }
    }
}
