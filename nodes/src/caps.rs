//! How many blocks a node answers for at once.

/// Blocks of one question that no node is expected to take more of.
const LARGEST: u64 = 1 << 20;
/// Longest wait, in answers at the cap, before a size is tried that may be refused.
const MOST_PATIENCE: u32 = 64;

/// The largest span of blocks that a node is believed to take, from its answers and refusals. After a refusal it grows
/// by a quarter now and then: seldom where that is refused again, soon where it is not, as after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    accepted: u64,
    refused: Option<u64>,
    /// What the node itself named: it is not tried beyond.
    named: Option<u64>,
    span: u64,
    /// Answers at the cap before more is tried.
    patience: u32,
    waited: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self { accepted: 0, refused: None, named: None, span: LARGEST, patience: 1, waited: 0 }
    }
}

impl Caps {
    /// Blocks to ask for at most; at least one.
    #[must_use]
    pub const fn span(&self) -> u64 {
        self.span
    }

    /// Most blocks that were answered at once; zero before the first answer.
    #[must_use]
    pub const fn largest_accepted(&self) -> u64 {
        self.accepted
    }

    /// Fewest blocks that were refused since they were last answered.
    #[must_use]
    pub const fn smallest_refused(&self) -> Option<u64> {
        self.refused
    }

    /// A question over `span` blocks was answered.
    pub fn answered(&mut self, span: u64) {
        self.accepted = self.accepted.max(span);
        if self.refused.is_some_and(|refused| refused <= span) {
            // What was refused then is answered now: it was the day, or the logs, and not the span.
            self.refused = None;
        }
        if span < self.span || self.span >= LARGEST {
            return;
        }
        if self.refused.is_none() {
            self.patience = (self.patience / 2).max(1);
        }
        self.waited += 1;
        if self.waited >= self.patience {
            let more = self.span + self.span / 4 + 1;
            self.span = more.min(self.named.unwrap_or(LARGEST)).min(LARGEST);
            self.waited = 0;
        }
    }

    /// A question over `span` blocks was too large; `at_most` is the span that the node named.
    pub fn refused(&mut self, span: u64, at_most: Option<u64>) {
        self.refused = Some(self.refused.map_or(span, |refused| refused.min(span)));
        self.accepted = self.accepted.min(span.saturating_sub(1));
        // A name that allows what was just refused is not believed.
        self.named = at_most.filter(|named| (1..span).contains(named)).or(self.named.filter(|named| *named < span));
        self.span = at_most.filter(|named| *named < span).unwrap_or(span / 2).min(self.span).max(1);
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
        self.waited = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settle(cap: u64, named: bool, rounds: usize) -> (Caps, u32) {
        let (mut caps, mut refusals) = (Caps::default(), 0);
        for _ in 0..rounds {
            let span = caps.span();
            if span > cap {
                caps.refused(span, named.then_some(cap));
                refusals += 1;
            } else {
                caps.answered(span);
            }
        }
        (caps, refusals)
    }

    proptest! {
        #[test]
        fn a_cap_is_found_and_seldom_tried_again(cap in 1_u64..100_000) {
            let (caps, refusals) = settle(cap, false, 400);
            prop_assert!(caps.span() <= cap * 5 / 4 + 1 && caps.span() >= cap / 3, "{caps:?}");
            prop_assert!(refusals < 40, "{refusals} refusals");
        }

        #[test]
        fn a_cap_that_the_node_names_costs_one_refusal(cap in 1_u64..100_000) {
            let (caps, refusals) = settle(cap, true, 400);
            prop_assert_eq!((caps.span(), refusals), (cap, 1));
        }

        #[test]
        fn spans_stay_in_bounds(steps in prop::collection::vec((any::<bool>(), any::<u64>(), prop::option::of(any::<u64>())), 0..200)) {
            let mut caps = Caps::default();
            for (refused, span, named) in steps {
                if refused { caps.refused(span, named) } else { caps.answered(span) }
                prop_assert!((1..=LARGEST).contains(&caps.span()));
                prop_assert!(caps.smallest_refused().is_none_or(|refused| refused == 0 || caps.largest_accepted() < refused));
            }
        }
    }

    #[test]
    fn after_an_outage_it_grows_again() {
        let mut caps = Caps::default();
        for _ in 0..30 {
            caps.refused(caps.span(), None);
        }
        assert_eq!(caps.span(), 1);
        for _ in 0..400 {
            caps.answered(caps.span());
        }
        assert!(caps.span() > 10_000, "{caps:?}");
    }
}
