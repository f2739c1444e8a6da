//! What bad providers do.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{Rng, rngs::StdRng};

use super::provider::Provider;

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Each time it could.
    Always,
    /// Every n-th time it could.
    Every(u64),
    /// So many times of a hundred, at random from the node's seed.
    Percent(u32),
}

impl When {
    pub(super) fn is_due(self, turns: &AtomicU64, random: &Mutex<StdRng>) -> bool {
        match self {
            Self::Always => true,
            Self::Every(n) => (turns.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(n),
            Self::Percent(percent) => {
                random.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..100) < percent
            }
        }
    }
}

/// Which logs an answer lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lose {
    /// The last one.
    Last,
    /// One in the middle; of fewer than three any.
    Middle,
    /// All: the answer is an empty list.
    All,
}

/// What comes with status 200 in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// A page for people.
    Html,
    /// JSON that ends in the middle.
    HalfJson,
    /// Nothing.
    Empty,
}

/// A way to be a bad node. Times are counted for each fault since it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It lacks the last `blocks` blocks: no logs of them, no headers, no state.
    Lag {
        /// How many.
        blocks: u64,
    },
    /// Behind a balancer stands another node that lacks the last `blocks` blocks.
    Balancer {
        /// How many.
        blocks: u64,
        /// When that one answers: a request, or where batches are split a part of one.
        when: When,
        /// Whether the parts of a batch go to different nodes.
        splits_batches: bool,
    },
    /// The head's number falls by `blocks`, while all of them are still there.
    GoesBack {
        /// By how many.
        blocks: u64,
        /// Which answers about the head.
        when: When,
    },
    /// `null` for the latest block.
    NoLatest {
        /// Which answers about the latest block.
        when: When,
    },
    /// Answers with logs lack some, without a word.
    LosesLogs {
        /// Which.
        lose: Lose,
        /// Which answers, of those with logs.
        when: When,
    },
    /// More logs than this are refused, with -32005.
    MostLogs(usize),
    /// More blocks than this in one question for logs are refused, in the words of a provider.
    MostBlocks {
        /// How many are answered.
        blocks: u64,
        /// Whose words.
        provider: Provider,
    },
    /// More requests than this in a second end with 429.
    RateLimit {
        /// Requests answered each second.
        per_second: u64,
        /// Seconds in the header `Retry-After`.
        retry_after: Option<u64>,
    },
    /// An HTTP status without an answer.
    Status {
        /// Which.
        status: u16,
        /// Which requests.
        when: When,
    },
    /// Never answers, and keeps the connection open.
    Hang {
        /// Which requests.
        when: When,
    },
    /// Answers late.
    Slow(Duration),
    /// Something else than an answer, with status 200.
    Garbage {
        /// What.
        garbage: Garbage,
        /// Which requests.
        when: When,
    },
    /// The connection ends in the middle of the answer.
    BreaksOff {
        /// Which requests.
        when: When,
    },
    /// No state of blocks more than `keeps` below the head: "missing trie node".
    PrunedState {
        /// How many below the head it has.
        keeps: u64,
    },
    /// State calls answer `0x`, as some do where the state is gone.
    EmptyCalls,
    /// No logs of blocks more than `keeps` below the head: they are as if they never were.
    PrunedLogs {
        /// How many below the head it has.
        keeps: u64,
    },
    /// The same, but said: "pruned history unavailable".
    PrunedHistory {
        /// How many below the head it has.
        keeps: u64,
    },
    /// Another chain id.
    WrongChain(u64),
    /// Another block 0.
    WrongGenesis,
    /// The headers of the last `blocks` blocks are those of another fork; everything else is this one's.
    Contradicts {
        /// How many.
        blocks: u64,
        /// Which answers with such a header.
        when: When,
    },
    /// Beside each log the same one of a branch that is gone, marked as removed.
    RemovedLogs,
    /// Each log twice.
    DoubledLogs,
    /// Logs in another order.
    ShuffledLogs,
    /// Logs without `blockTimestamp`.
    UntimedLogs,
    /// Logs of all contracts, whatever was asked for.
    ForeignLogs,
}

impl Fault {
    /// Whether the head's number is needed to act so.
    pub(super) const fn needs_head(&self) -> bool {
        use Fault::{Balancer, Contradicts, GoesBack, Lag, MostBlocks, PrunedHistory, PrunedLogs, PrunedState};
        matches!(
            self,
            Lag { .. }
                | Balancer { .. }
                | GoesBack { .. }
                | MostBlocks { .. }
                | PrunedState { .. }
                | PrunedLogs { .. }
                | PrunedHistory { .. }
                | Contradicts { .. }
        )
    }
}
