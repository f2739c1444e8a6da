//! The way through final blocks: while one stretch is committed, the next one is copied, and those after it are fetched.

use billing_core::mirror::{Applied, CursorVersion, Header, MirrorError, Staged, Stretch};
use futures::future::OptionFuture;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    ahead::{Ahead, Way},
    fetch::Head,
    network::{Mirroring, Round},
};

/// Logs stored in one transaction at most, unless a single stretch has more: a transaction's fixed cost is small beside
/// them, and so is their memory.
const AT_ONCE: usize = 10_000;

/// Stretches that were fetched and not yet stored.
#[derive(Default)]
struct Waiting {
    stretches: Vec<Stretch>,
    logs: usize,
}

impl Waiting {
    fn push(&mut self, stretch: Stretch) {
        self.logs += stretch.logs();
        self.stretches.push(stretch);
    }

    const fn is_full(&self) -> bool {
        self.logs >= AT_ONCE
    }

    fn take(&mut self) -> Option<Vec<Stretch>> {
        let taken = std::mem::take(self).stretches;
        (!taken.is_empty()).then_some(taken)
    }
}

/// What stands between fetching and the database's yes: a stretch whose logs are being copied or are copied, and the one
/// before it, which is folded and committed meanwhile.
#[derive(Default)]
struct Pipeline {
    waiting: Waiting,
    staging: Option<AbortOnDropHandle<Result<(Staged, Header), MirrorError>>>,
    staged: Option<(Staged, Header)>,
    storing: Option<AbortOnDropHandle<(Result<Applied, MirrorError>, Header)>>,
    /// The cursor as the last stretch makes it.
    behind: Option<CursorVersion>,
}

impl Pipeline {
    /// Moves each stretch on where the way is free.
    fn advance(&mut self, network: &Mirroring) {
        if self.storing.is_none()
            && let Some((staged, to)) = self.staged.take()
        {
            self.behind = staged.version();
            self.storing = Some(AbortOnDropHandle::new(tokio::spawn(async move { (staged.finish().await, to) })));
        }
        if self.staging.is_none()
            && self.staged.is_none()
            && let Some(stretches) = self.waiting.take()
        {
            let (pool, source, last_final) = (network.pool.clone(), network.source, network.last_final());
            let behind = self.behind;
            self.staging = Some(AbortOnDropHandle::new(tokio::spawn(async move {
                let all = Stretch::joined(stretches)?.with_final(last_final);
                let to = *all.last();
                Ok((Staged::new(&pool, &source, all, behind).await?, to))
            })));
        }
    }

    const fn is_empty(&self) -> bool {
        self.staging.is_none() && self.staged.is_none() && self.storing.is_none()
    }
}

impl Mirroring {
    /// Stores the final blocks among those from `from` to `target`.
    pub(crate) async fn backfill(&mut self, from: i64, target: i64, head: &Head) -> anyhow::Result<Round> {
        let to = target.min(self.last_final());
        self.progress.begin(from, to);
        let way = Way {
            source: self.source,
            from,
            to,
            head: head.latest.number,
            turn: self.turn,
            // After a gap nothing else is asked meanwhile: some nodes leave logs out of every n-th answer.
            in_flight: if self.gaps == 0 { usize::MAX } else { 1 },
        };
        let mut ranges = std::mem::take(&mut self.ranges);
        let round = self.store_all(&mut Ahead::new(&self.rpc.clone(), way, &mut ranges), head).await;
        self.ranges = ranges;
        round
    }

    async fn store_all(&mut self, ahead: &mut Ahead<'_>, head: &Head) -> anyhow::Result<Round> {
        let shutdown = self.shutdown.clone();
        let (mut pipeline, mut failed) = (Pipeline::default(), None);
        loop {
            pipeline.advance(self);
            if pipeline.is_empty() && (failed.is_some() || ahead.is_done()) {
                return failed.map_or(Ok(Round::Again), Err);
            }
            let fetches = failed.is_none() && !pipeline.waiting.is_full() && !ahead.is_done();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    // What is about to be committed is let in.
                    drop(OptionFuture::from(pipeline.storing).await);
                    return Ok(Round::Stopped);
                }
                Some(stored) = OptionFuture::from(pipeline.storing.as_mut()) => {
                    pipeline.storing = None;
                    let (applied, to) = stored?;
                    if let Some(round) = self.applied(applied, to, head).await? {
                        return Ok(round);
                    }
                }
                Some(staged) = OptionFuture::from(pipeline.staging.as_mut()) => {
                    pipeline.staging = None;
                    match staged? {
                        Ok(staged) => pipeline.staged = Some(staged),
                        Err(error) => {
                            // What came after it has nothing to stand behind.
                            pipeline.waiting = Waiting::default();
                            failed = Some(error.into());
                        }
                    }
                }
                fetched = ahead.next(), if fetches => match self.counted(fetched) {
                    Ok(stretch) => pipeline.waiting.push(stretch),
                    Err(error) => failed = Some(error.into()),
                },
            }
        }
    }
}
