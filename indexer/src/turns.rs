//! Which node is asked first, and when that is another one.
//!
//! The pool knows when a node fails. Whether an answer that looks well is a good one is seen only here: by numbers that skip, by
//! answers that contradict each other, by a head behind those of other nodes.

use alloy::eips::BlockNumberOrTag;
use billing_core::{chain::FinalityTag, mirror::MirrorError};

use crate::{
    fetch::{self, Head},
    network::{Mirroring, NEAR_BLOCKS, Round, signed},
};

/// Times in a row that a stretch with logs left out is asked for again at once, of one node after the other, before the
/// failure is told.
const GAPS: u32 = 5;
/// Polls after which the heads of all nodes are compared.
const COMPARED_EVERY: u32 = 5;
/// Blocks by which the node that is asked first may be behind another one.
const TOLERATED_LAG: i64 = 1;
/// Stretches stored in a row, after which the preferred node is asked first again.
const FORGIVEN_AFTER: u32 = 64;

impl Mirroring {
    /// The head of the node that is asked first; now and then of all nodes, of which the first may lag and think well of it.
    pub(crate) async fn head(&mut self) -> anyhow::Result<Head> {
        let tag = self.network().finality_tag.map(tag_of);
        let ask = |turn| {
            let rpc = self.rpc.at_least_turned(0, turn);
            async move { (turn, fetch::head(&rpc, tag).await) }
        };
        let (mut turn, first) = ask(self.turn).await;
        let mut head = self.counted(first)?;
        self.polls += 1;
        if self.polls.is_multiple_of(COMPARED_EVERY) {
            let others = (1..self.network().rpc_urls.len()).map(|more| ask(self.turn + more));
            for (other, its) in futures::future::join_all(others).await {
                if let Ok(its) = its
                    && its.latest.number > head.latest.number + TOLERATED_LAG
                {
                    (turn, head) = (other, its);
                }
            }
        }
        if turn != self.turn {
            tracing::info!(network = self.network().name, "the first node lags; another one is asked first");
            (self.turn, self.stored) = (turn, 0);
        }
        Ok(head)
    }

    /// Another node is asked first from now on.
    pub(crate) const fn turn_over(&mut self) {
        (self.turn, self.stored) = (self.turn + 1, 0);
    }

    /// A stretch is stored; after many of them the preferred node is asked first again.
    pub(crate) const fn stored_one(&mut self) {
        (self.moved, self.gaps) = (true, 0);
        self.near = if self.near < NEAR_BLOCKS / 2 { self.near * 2 } else { NEAR_BLOCKS };
        self.stored += 1;
        if self.stored >= FORGIVEN_AFTER {
            (self.stored, self.turn) = (0, 0);
        }
    }

    /// Logs were left out: now, or of what is stored already. Another node is asked.
    pub(crate) async fn missed(&mut self, gap: &MirrorError, head: &Head) -> anyhow::Result<Round> {
        self.metrics.gap();
        self.near = 1;
        self.gaps += 1;
        self.turn_over();
        tracing::warn!(network = self.network().name, "{gap}; another node is asked");
        if self.gaps <= GAPS {
            return Ok(Round::Again);
        }
        self.gaps = 0;
        self.repair(gap, head).await
    }

    /// Last block that no reorganisation is expected to reach: of those that the depth allows and the chain itself names.
    pub(crate) fn final_below(&self, head: &Head) -> i64 {
        let by_depth = head.latest.number - signed(self.network().finality_depth);
        match self.network().finality_tag {
            // A node that does not know the tag names no final block.
            Some(_) => head.finalized.map_or(-1, |finalized| finalized.min(by_depth)),
            None => by_depth,
        }
    }
}

const fn tag_of(tag: FinalityTag) -> BlockNumberOrTag {
    match tag {
        FinalityTag::Safe => BlockNumberOrTag::Safe,
        FinalityTag::Finalized => BlockNumberOrTag::Finalized,
    }
}
