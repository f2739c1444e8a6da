//! Stretches of final blocks fetched ahead of the one that is stored, in order.

use std::collections::VecDeque;

use billing_core::{
    chain::Rpc,
    mirror::{Source, Stretch},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    ask::{FetchError, Fetched},
    fetch,
    ranges::Ranges,
};

/// Stretches asked for at once. One node answers three about as fast as it can; more only cost memory.
const IN_FLIGHT: usize = 3;
/// Smaller ranges tried in a row, before the failure is told: of a node that says it was too much, and of one that does not.
const SHRINKS: (u32, u32) = (14, 2);
/// Full nodes keep the state of the last 128 blocks; below that many are not asked to count, once they said they cannot.
const STATE_BLOCKS: i64 = 96;

/// Where to fetch, and of whom.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) source: Source,
    /// First block.
    pub(crate) from: i64,
    /// Last block; it and all before it are final.
    pub(crate) to: i64,
    /// Number of the node's latest block.
    pub(crate) head: i64,
    /// How many nodes after the preferred one is asked first.
    pub(crate) turn: usize,
    /// Stretches asked for at once at most.
    pub(crate) in_flight: usize,
}

struct Fetching {
    from: i64,
    to: i64,
    task: AbortOnDropHandle<Fetched<Stretch>>,
}

/// A queue of stretches on the way. Dropped, it asks for nothing any more.
pub(crate) struct Ahead<'a> {
    rpc: Rpc,
    way: Way,
    ranges: &'a mut Ranges,
    /// First block not asked for yet.
    next: i64,
    queue: VecDeque<Fetching>,
    /// Whether a range was answered: before that one is asked for at a time.
    answered: bool,
    /// Whether the node counts at old blocks.
    counting: bool,
}

impl<'a> Ahead<'a> {
    pub(crate) fn new(rpc: &Rpc, way: Way, ranges: &'a mut Ranges) -> Self {
        // A node that is behind answers for its own last blocks, and with nothing for those it lacks.
        let rpc = rpc.at_least_turned(way.to.unsigned_abs(), way.turn);
        let next = way.from;
        let mut ahead = Self { rpc, way, ranges, next, queue: VecDeque::new(), answered: false, counting: true };
        ahead.fill();
        ahead
    }

    /// Whether everything was given.
    pub(crate) fn is_done(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next stretch. May be dropped and asked again.
    ///
    /// # Errors
    /// What kept the nodes from answering, also for a single block.
    pub(crate) async fn next(&mut self) -> Fetched<Stretch> {
        let mut shrinks = 0;
        loop {
            let Some(front) = self.queue.front_mut() else { std::future::pending().await };
            let (from, to) = (front.from, front.to);
            let fetched = (&mut front.task).await.unwrap_or_else(|lost| {
                Err(FetchError::Unanswered(self.rpc.error(&format!("blocks {from} to {to} were not fetched: {lost}"))))
            });
            self.queue.pop_front();
            let blocks = (to - from + 1).unsigned_abs();
            match fetched {
                Ok(stretch) => {
                    self.answered = true;
                    self.counting &= stretch.is_counted() || self.has_state(to);
                    self.ranges.answered(blocks, stretch.logs());
                    self.fill();
                    return Ok(stretch);
                }
                Err(error) if shrinks < most_shrinks(&error) && self.ranges.refused(blocks) => {
                    tracing::debug!(network = self.rpc.network.name, %error, blocks, "smaller ranges");
                    shrinks += 1;
                    self.queue.clear();
                    (self.next, self.answered) = (from, false);
                    self.fill();
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&mut self) {
        let in_flight = if self.answered { self.way.in_flight.min(IN_FLIGHT) } else { 1 };
        while self.queue.len() < in_flight && self.next <= self.way.to {
            let from = self.next;
            let size = i64::try_from(self.ranges.size(self.cap())).unwrap_or(i64::MAX);
            let to = self.way.to.min(from.saturating_add(size - 1));
            let (rpc, source, counting) = (self.rpc.clone(), self.way.source, self.counting || self.has_state(to));
            let fetch = async move {
                let blocks = fetch::final_range(&rpc, &source, from, to, counting).await?;
                Ok(Stretch::read(&source, blocks)?)
            };
            self.queue.push_back(Fetching { from, to, task: AbortOnDropHandle::new(tokio::spawn(fetch)) });
            self.next = to + 1;
        }
    }

    const fn has_state(&self, block: i64) -> bool {
        block >= self.way.head - STATE_BLOCKS
    }

    /// Blocks that the node takes at once, as far as is known.
    fn cap(&self) -> u64 {
        let caps = self.rpc.nodes.caps();
        caps.get(self.way.turn % caps.len().max(1)).map_or(u64::MAX, |(_, caps)| caps.span())
    }
}

const fn most_shrinks(error: &FetchError) -> u32 {
    match error {
        FetchError::TooLarge(_) => SHRINKS.0,
        FetchError::Refused(_) | FetchError::Unanswered(_) => SHRINKS.1,
        FetchError::Pruned(_) | FetchError::Inconsistent(_) => 0,
    }
}
