//! One network: from where the mirror stands to the node's head, and again.

use billing_core::{
    chain::{Network, Rpc},
    mirror::{self, Applied, Cursor, Header, MirrorError, Source},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    ask::{FetchError, Fetched},
    fetch::{self, Head},
    metrics::Metrics,
    progress::Progress,
    ranges::Ranges,
};

/// Blocks near the head fetched at once at most.
pub(crate) const NEAR_BLOCKS: i64 = 32;
/// Where a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// The mirror stands where it should.
    CaughtUp,
    /// There is more to do at once.
    Again,
    /// The node's head is below the mirror: it lags, or restarted. Nothing is undone for that.
    Lagging {
        /// The node's head.
        head: i64,
        /// Where the mirror stands.
        mirror: i64,
    },
    /// The chain changed what was final: nothing is done until an operator acts. Says why.
    Halted(String),
    /// Asked to stop.
    Stopped,
}

/// The mirroring of one network.
#[derive(Debug)]
pub(crate) struct Mirroring {
    pub(crate) pool: PgPool,
    pub(crate) rpc: Rpc,
    pub(crate) source: Source,
    pub(crate) metrics: Metrics,
    pub(crate) progress: Progress,
    pub(crate) ranges: Ranges,
    /// Blocks near the head fetched at once: fewer after a failure, then twice as many each time.
    pub(crate) near: i64,
    /// Stretches in a row with logs left out.
    pub(crate) gaps: u32,
    /// How many nodes after the preferred one is asked first.
    pub(crate) turn: usize,
    /// Stretches stored since that was changed.
    pub(crate) stored: u32,
    pub(crate) polls: u32,
    /// Where the mirror stood when it last went back for missing logs.
    pub(crate) repaired: Option<i64>,
    /// Whether the cursor moved since it was last asked.
    pub(crate) moved: bool,
    pub(crate) shutdown: CancellationToken,
    /// Head for which the cursor's block was last seen to be canonical.
    pub(crate) checked: Option<alloy::primitives::B256>,
    /// Last block that is final; it never goes back.
    pub(crate) last_final: i64,
}

impl Mirroring {
    pub(crate) fn new(pool: &PgPool, rpc: Rpc, progress: Progress, shutdown: &CancellationToken) -> Self {
        Self {
            pool: pool.clone(),
            source: Source::from(&rpc.network),
            metrics: Metrics::new(&rpc.network.name),
            rpc,
            progress,
            ranges: Ranges::default(),
            near: NEAR_BLOCKS,
            gaps: 0,
            turn: 0,
            stored: 0,
            polls: 0,
            repaired: None,
            moved: false,
            shutdown: shutdown.clone(),
            checked: None,
            last_final: -1,
        }
    }

    pub(crate) const fn network(&self) -> &Network {
        &self.rpc.network
    }

    /// Whether the cursor moved since the last call.
    pub(crate) const fn take_moved(&mut self) -> bool {
        std::mem::replace(&mut self.moved, false)
    }

    /// Goes from the cursor to the node's head, less confirmations.
    ///
    /// # Errors
    /// Whatever kept it from that; what was applied before stays.
    pub(crate) async fn catch_up(&mut self) -> anyhow::Result<Round> {
        if let Some(halt) = mirror::halted(&mut *self.pool.acquire().await?, self.source.chain_id).await? {
            return Ok(self.halted(halt.reason));
        }
        match self.go_on().await {
            Err(error) if is_too_deep(&error) => {
                let reason = error.to_string();
                mirror::halt(&mut *self.pool.acquire().await?, self.source.chain_id, &reason).await?;
                Ok(self.halted(reason))
            }
            round => {
                self.metrics.halted(false);
                if matches!(&round, Err(error) if error.is::<FetchError>() || is_contradiction(error)) {
                    // A node that contradicts itself, or tells of a branch that nobody knows, thinks well of it.
                    self.turn_over();
                }
                round
            }
        }
    }

    fn halted(&self, reason: String) -> Round {
        self.metrics.halted(true);
        Round::Halted(reason)
    }

    async fn go_on(&mut self) -> anyhow::Result<Round> {
        let shutdown = self.shutdown.clone();
        let Some(head) = shutdown.run_until_cancelled(self.head()).await else { return Ok(Round::Stopped) };
        let head = head?;
        self.last_final = self.last_final.max(self.final_below(&head));
        self.metrics.last_final(self.last_final);
        let cursor = mirror::cursor(&mut *self.pool.acquire().await?, self.source.chain_id).await?;
        let target = head.latest.number - signed(self.network().confirmations);
        match cursor {
            Some(at) if head.latest.number < at.number => {
                self.metrics.position(&head.latest, at.number, at.time);
                return Ok(Round::Lagging { head: head.latest.number, mirror: at.number });
            }
            Some(at) if target <= at.number => return self.check_cursor(at, &head).await,
            None if target < self.start_block() => return Ok(Round::CaughtUp),
            _ => {}
        }
        let from = cursor.map_or(self.start_block(), |at| at.number + 1);
        if from <= self.last_final {
            self.backfill(from, target, &head).await
        } else {
            self.follow(from, target, &head).await
        }
    }

    /// A stretch near the head.
    async fn follow(&mut self, from: i64, target: i64, head: &Head) -> anyhow::Result<Round> {
        let to = target.min(from + self.near - 1);
        let rpc = self.rpc.at_least_turned(to.unsigned_abs(), self.turn);
        let fetched = fetch::near_head(&rpc, &self.source, from, to, head);
        let Some(fetched) = self.shutdown.clone().run_until_cancelled(fetched).await else { return Ok(Round::Stopped) };
        let blocks = self.counted(fetched).inspect_err(|_| self.near = (self.near / 2).max(1))?;
        let blocks = blocks.with_final(self.last_final);
        let last = *blocks.last();
        let applied = mirror::apply(&self.pool, &self.source, blocks).await;
        if let Some(round) = self.applied(applied, last, head).await? {
            return Ok(round);
        }
        if to < target {
            return Ok(Round::Again);
        }
        self.checked = Some(head.latest.hash);
        self.progress.done();
        Ok(Round::CaughtUp)
    }

    /// What becomes of it after blocks up to `to` were to be stored; `None`: they are, go on.
    pub(crate) async fn applied(
        &mut self,
        applied: Result<Applied, MirrorError>,
        to: Header,
        head: &Head,
    ) -> anyhow::Result<Option<Round>> {
        if let Err(gap @ MirrorError::Gap { .. }) = &applied {
            return self.missed(gap, head).await.map(Some);
        }
        match applied? {
            Applied::Moved { logs, charges } => {
                self.stored_one();
                let network = &self.rpc.network.name;
                self.metrics.logs(logs);
                self.metrics.position(&head.latest, to.number, to.time);
                self.progress.reached(to.number);
                tracing::debug!(network, block = to.number, logs, charges, "mirrored");
                Ok(None)
            }
            Applied::NeedsUndo { cursor } => self.undo(cursor, head).await.map(Some),
            Applied::Stale { .. } => Ok(Some(Round::Again)),
        }
    }

    /// Nothing new by number; the cursor's block may still have been replaced by another of the same height.
    async fn check_cursor(&mut self, at: Cursor, head: &Head) -> anyhow::Result<Round> {
        self.metrics.position(&head.latest, at.number, at.time);
        if self.checked == Some(head.latest.hash) {
            return Ok(Round::CaughtUp);
        }
        let there = if head.latest.number == at.number {
            Some(head.latest)
        } else {
            let asked = fetch::header(&self.rpc, at.number).await;
            self.counted(asked)?
        };
        match there {
            Some(header) if header.hash == at.hash => {
                self.checked = Some(head.latest.hash);
                Ok(Round::CaughtUp)
            }
            Some(_) => self.undo(at, head).await,
            None => Ok(Round::Lagging { head: head.latest.number, mirror: at.number }),
        }
    }

    pub(crate) const fn last_final(&self) -> i64 {
        self.last_final
    }

    pub(crate) fn start_block(&self) -> i64 {
        signed(self.network().start_block)
    }

    pub(crate) fn counted<T>(&self, answer: Fetched<T>) -> Fetched<T> {
        if answer.is_err() {
            self.metrics.rpc_error();
        }
        answer
    }
}

fn is_too_deep(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(FetchError::Inconsistent(MirrorError::BeyondWindow { .. })))
        || matches!(error.downcast_ref(), Some(MirrorError::BeyondWindow { .. }))
}

pub(crate) fn is_contradiction(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(FetchError::Inconsistent(MirrorError::Inconsistent(_))))
        || matches!(error.downcast_ref(), Some(MirrorError::Inconsistent(_)))
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
