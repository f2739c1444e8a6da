//! What is wrong with a node.

use std::time::Duration;

/// Trouble that nodes of this world have. `every` tells which answers are spoiled: 1 means all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeFault {
    /// Answers end in the middle.
    Cut {
        /// Which answers.
        every: u64,
    },
    /// Questions for logs are answered with none.
    NoLogs {
        /// Which answers.
        every: u64,
    },
    /// One log is left out.
    OneLogLess {
        /// Which answers.
        every: u64,
    },
    /// The node knows nothing of the last blocks, and answers as one that never heard of them.
    Behind {
        /// How many.
        blocks: u64,
        /// Which answers.
        every: u64,
    },
    /// The node is still on the branch that the chain last left.
    OldBranch {
        /// Which answers.
        every: u64,
    },
    /// A proxy before the node answers with status 502.
    BadGateway {
        /// Which answers.
        every: u64,
    },
    /// More logs than this are refused with -32005.
    TooMany {
        /// The most that is answered.
        logs: usize,
    },
    /// The answer comes late, as it was when it was asked for.
    Slow {
        /// By how much.
        by: Duration,
        /// Which answers.
        every: u64,
    },
    /// Logs are left out, and nothing else of the node's answers tells: no state, no bloom, no receipts.
    Blind {
        /// Which answers.
        every: u64,
    },
    /// The state of blocks is gone, so that nothing can be called there.
    Pruned,
}

impl NodeFault {
    /// Whether nothing can be called.
    pub(super) const fn has_no_state(self) -> bool {
        matches!(self, Self::Pruned | Self::Blind { .. })
    }

    /// Whether it spoils the answer of that number.
    pub(super) const fn spoils(self, number: u64) -> bool {
        match self {
            Self::Cut { every }
            | Self::NoLogs { every }
            | Self::OneLogLess { every }
            | Self::Behind { every, .. }
            | Self::OldBranch { every }
            | Self::BadGateway { every }
            | Self::Blind { every }
            | Self::Slow { every, .. } => number.is_multiple_of(every),
            Self::TooMany { .. } | Self::Pruned => true,
        }
    }
}
