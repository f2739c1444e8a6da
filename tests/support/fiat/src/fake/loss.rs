//! Which answers are lost.

use std::collections::VecDeque;

use crate::contract::Lost;

#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Told to lose.
    pub(super) next: VecDeque<Lost>,
    per_mille: u64,
    random: u64,
}

impl Losses {
    pub(super) const fn at_random(&mut self, per_mille: u64, seed: u64) {
        (self.per_mille, self.random) = (per_mille, seed);
    }

    pub(super) fn of_deed(&mut self) -> Option<Lost> {
        if let Some(lost) = self.next.pop_front() {
            return Some(lost);
        }
        let turn = self.turn()?;
        Some(if turn.is_multiple_of(2) { Lost::BeforeEffect } else { Lost::AfterEffect })
    }

    pub(super) fn of_question(&mut self) -> bool {
        self.turn().is_some()
    }

    /// SplitMix64: what falls below the bound is lost.
    const fn turn(&mut self) -> Option<u64> {
        if self.per_mille == 0 {
            return None;
        }
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        if (mixed >> 1) % 1_000 < self.per_mille { Some(mixed) } else { None }
    }
}
