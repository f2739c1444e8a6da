//! One network: from where the mirror stands to the node's head, and again.

use billing_core::{
    chain::{Network, Rpc},
    mirror::{self, Applied, Blocks, Cursor, Header, MirrorError, Source, Undone},
};
use sqlx::PgPool;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    fetch::{self, FetchError},
    metrics::Metrics,
    progress::Progress,
    ranges::Ranges,
    reorg::find_fork,
};

/// Blocks near the head fetched at once at most.
const NEAR_BLOCKS: i64 = 32;
/// Smaller ranges tried at once, before the failure is told.
const SHRINKS: u32 = 12;
/// Times in a row that a stretch with logs left out is asked for again, smaller and at once, before the failure is told.
/// A provider that forgets some would else cost a back-off and a new connection for each.
const GAPS: u32 = 5;

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
    pool: PgPool,
    rpc: Rpc,
    source: Source,
    metrics: Metrics,
    progress: Progress,
    ranges: Ranges,
    /// Blocks near the head fetched at once: fewer after a failure, then twice as many each time.
    near: i64,
    /// Stretches in a row with logs left out.
    gaps: u32,
    /// Whether the cursor moved since it was last asked.
    moved: bool,
    shutdown: CancellationToken,
    /// Head for which the cursor's block was last seen to be canonical.
    checked: Option<alloy::primitives::B256>,
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
            moved: false,
            shutdown: shutdown.clone(),
            checked: None,
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
        let mut conn = self.pool.acquire().await?;
        if let Some(halt) = mirror::halted(&mut conn, self.source.chain_id).await? {
            return Ok(self.halted(halt.reason));
        }
        drop(conn);
        match self.go_on().await {
            Err(error) if is_too_deep(&error) => {
                let reason = error.to_string();
                mirror::halt(&mut *self.pool.acquire().await?, self.source.chain_id, &reason).await?;
                Ok(self.halted(reason))
            }
            round => {
                self.metrics.halted(false);
                round
            }
        }
    }

    fn halted(&self, reason: String) -> Round {
        self.metrics.halted(true);
        Round::Halted(reason)
    }

    async fn go_on(&mut self) -> anyhow::Result<Round> {
        let Some(head) = self.unless_stopped(fetch::head(&self.rpc)).await else { return Ok(Round::Stopped) };
        let head = self.counted(head)?;
        let cursor = mirror::cursor(&mut *self.pool.acquire().await?, self.source.chain_id).await?;
        let target = head.number - signed(self.network().confirmations);
        match cursor {
            Some(at) if head.number < at.number => {
                self.metrics.position(head.number, at.number);
                return Ok(Round::Lagging { head: head.number, mirror: at.number });
            }
            Some(at) if target <= at.number => return self.check_cursor(at, head).await,
            None if target < self.start_block() => return Ok(Round::CaughtUp),
            _ => {}
        }
        self.advance(cursor.map_or(self.start_block(), |at| at.number + 1), target, head).await
    }

    /// Applies stretch after stretch; the next one is fetched meanwhile.
    async fn advance(&mut self, mut from: i64, target: i64, head: Header) -> anyhow::Result<Round> {
        self.progress.begin(from, target);
        let mut fetching = self.fetch_ahead(from, target, head);
        let mut shrinks = 0;
        loop {
            let Some(fetched) = self.unless_stopped(&mut fetching).await else { return Ok(Round::Stopped) };
            let blocks = match self.counted(fetched?) {
                Ok(blocks) => blocks,
                Err(error) if shrinks < SHRINKS && self.may_shrink(&error, from, head) => {
                    tracing::debug!(network = self.network().name, %error, size = self.ranges.size(), "smaller range");
                    shrinks += 1;
                    fetching = self.fetch_ahead(from, target, head);
                    continue;
                }
                Err(error) => {
                    self.near = (self.near / 2).max(1);
                    return Err(error.into());
                }
            };
            if blocks.last().number <= self.final_below(head) {
                self.ranges.answered(blocks.logs().len());
            }
            from = blocks.last().number + 1;
            shrinks = 0;
            // After a gap nothing else is asked meanwhile: some nodes leave logs out of every n-th answer.
            let ahead = self.gaps == 0;
            if from <= target && ahead {
                fetching = self.fetch_ahead(from, target, head);
            }
            if let Some(round) = self.store(&blocks, head).await? {
                return Ok(round);
            }
            if from <= target && !ahead {
                fetching = self.fetch_ahead(from, target, head);
            }
            if from > target {
                self.checked = Some(head.hash);
                self.progress.done();
                return Ok(Round::CaughtUp);
            }
        }
    }

    /// `None`: stored, go on.
    async fn store(&mut self, blocks: &Blocks, head: Header) -> anyhow::Result<Option<Round>> {
        let applied = mirror::apply(&self.pool, &self.source, blocks).await;
        if let Err(gap @ MirrorError::Gap { .. }) = &applied {
            self.metrics.rpc_error();
            self.ranges.refused();
            self.near = 1;
            self.gaps += 1;
            if self.gaps <= GAPS {
                tracing::warn!(network = self.network().name, "{gap}; asked again");
                return Ok(Some(Round::Again));
            }
        }
        match applied? {
            Applied::Moved { logs, charges } => {
                (self.moved, self.gaps) = (true, 0);
                self.near = (self.near * 2).min(NEAR_BLOCKS);
                let (network, block) = (&self.rpc.network.name, blocks.last().number);
                self.metrics.logs(logs);
                self.metrics.position(head.number, block);
                self.progress.reached(block);
                tracing::debug!(network, block, logs, charges, "mirrored");
                Ok(None)
            }
            Applied::NeedsUndo { cursor } => self.undo(cursor, head).await.map(Some),
            Applied::Stale { .. } => Ok(Some(Round::Again)),
        }
    }

    /// Nothing new by number; the cursor's block may still have been replaced by another of the same height.
    async fn check_cursor(&mut self, at: Cursor, head: Header) -> anyhow::Result<Round> {
        self.metrics.position(head.number, at.number);
        if self.checked == Some(head.hash) {
            return Ok(Round::CaughtUp);
        }
        let there = if head.number == at.number {
            Some(head)
        } else {
            let asked = fetch::header(&self.rpc, at.number).await;
            self.counted(asked)?
        };
        match there {
            Some(header) if header.hash == at.hash => {
                self.checked = Some(head.hash);
                Ok(Round::CaughtUp)
            }
            Some(_) => self.undo(at, head).await,
            None => Ok(Round::Lagging { head: head.number, mirror: at.number }),
        }
    }

    /// Finds the fork, fetches the new branch, and only then takes the old one back.
    async fn undo(&mut self, cursor: Cursor, head: Header) -> anyhow::Result<Round> {
        let stored = mirror::headers(&mut *self.pool.acquire().await?, self.source.chain_id).await?;
        let found = find_fork(&self.rpc, &stored).await;
        let fork = self.counted(found)?;
        if fork.number == cursor.number {
            return Ok(Round::Again);
        }
        let to = (head.number - signed(self.network().confirmations)).min(fork.number + NEAR_BLOCKS);
        let branch = if to > fork.number {
            let fetched = fetch::near_head(&self.rpc, &self.source, fork.number + 1, to).await;
            Some(self.counted(fetched)?)
        } else {
            None
        };
        if branch.as_ref().is_some_and(|branch| branch.first().parent_hash != fork.hash) {
            return Err(MirrorError::Inconsistent("the chain moved while its fork was looked for".to_owned()).into());
        }
        let Undone::Moved { depth, logs } = mirror::undo_to(&self.pool, &self.source, &cursor, fork.number).await?
        else {
            return Ok(Round::Again);
        };
        self.checked = None;
        self.metrics.reorg(depth);
        tracing::warn!(network = self.network().name, fork = fork.number, depth, logs, "reorganisation undone");
        if let Some(branch) = branch {
            mirror::apply(&self.pool, &self.source, &branch).await?;
        }
        Ok(Round::Again)
    }

    /// Starts to fetch the stretch that begins at `from`.
    fn fetch_ahead(&self, from: i64, target: i64, head: Header) -> AbortOnDropHandle<Result<Blocks, FetchError>> {
        // A node that is behind answers for its own last blocks, and with nothing for those it lacks.
        let (rpc, source) = (self.rpc.at_least(target.unsigned_abs()), self.source);
        let last_final = self.final_below(head).min(target);
        let (size, near) = (signed(self.ranges.size()), self.near);
        AbortOnDropHandle::new(tokio::spawn(async move {
            if from <= last_final {
                fetch::final_range(&rpc, &source, from, last_final.min(from + size - 1)).await
            } else {
                fetch::near_head(&rpc, &source, from, target.min(from + near - 1)).await
            }
        }))
    }

    /// Whether a refusal may be due to the size of the range, which then is halved.
    fn may_shrink(&mut self, error: &FetchError, from: i64, head: Header) -> bool {
        let size_may_matter = !matches!(error, FetchError::Inconsistent(_));
        size_may_matter && from <= self.final_below(head) && self.ranges.refused()
    }

    /// Last block that no reorganisation is expected to reach.
    fn final_below(&self, head: Header) -> i64 {
        head.number - signed(self.network().finality_depth)
    }

    fn start_block(&self) -> i64 {
        signed(self.network().start_block)
    }

    fn counted<T>(&self, answer: Result<T, FetchError>) -> Result<T, FetchError> {
        if answer.is_err() {
            self.metrics.rpc_error();
        }
        answer
    }

    async fn unless_stopped<F: Future>(&self, work: F) -> Option<F::Output> {
        self.shutdown.run_until_cancelled(work).await
    }
}

fn is_too_deep(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(FetchError::Inconsistent(MirrorError::BeyondWindow { .. })))
        || matches!(error.downcast_ref(), Some(MirrorError::BeyondWindow { .. }))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
