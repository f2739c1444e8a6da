//! The way through final blocks: while one piece is stored, the next ones are fetched.

use std::collections::VecDeque;

use billing_core::mirror::{self, Applied, Blocks, Header, MirrorError};
use futures::future::OptionFuture;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    ahead::{Ahead, Way},
    fetch::Head,
    network::{Mirroring, Round},
};

/// Logs stored in one transaction at most, unless a single stretch has more: a transaction's fixed cost is small beside
/// them, and so is their memory.
const AT_ONCE: usize = 20_000;

/// Stretches that were fetched and not yet stored.
#[derive(Default)]
struct Waiting {
    stretches: VecDeque<Blocks>,
    logs: usize,
}

impl Waiting {
    fn push(&mut self, stretch: Blocks) {
        self.logs += stretch.logs().len();
        self.stretches.push_back(stretch);
    }

    const fn is_full(&self) -> bool {
        self.logs >= AT_ONCE
    }

    fn take(&mut self) -> Option<Vec<Blocks>> {
        self.logs = 0;
        let taken: Vec<Blocks> = self.stretches.drain(..).collect();
        (!taken.is_empty()).then_some(taken)
    }
}

type Storing = AbortOnDropHandle<Result<(Applied, Header), MirrorError>>;

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
        let (mut waiting, mut storing, mut failed) = (Waiting::default(), None::<Storing>, None);
        loop {
            if storing.is_none() {
                match waiting.take() {
                    Some(stretches) => storing = Some(self.store(stretches)),
                    None if failed.is_some() || ahead.is_done() => return failed.map_or(Ok(Round::Again), Err),
                    None => {}
                }
            }
            let fetches = failed.is_none() && !waiting.is_full() && !ahead.is_done();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    // What is on its way into the database is let in.
                    drop(OptionFuture::from(storing).await);
                    return Ok(Round::Stopped);
                }
                Some(stored) = OptionFuture::from(storing.as_mut()) => {
                    storing = None;
                    let (applied, to) = match stored? {
                        Ok((applied, to)) => (Ok(applied), to),
                        Err(error) => (Err(error), head.latest),
                    };
                    if let Some(round) = self.applied(applied, to, head).await? {
                        return Ok(round);
                    }
                }
                fetched = ahead.next(), if fetches => match self.counted(fetched) {
                    Ok(stretch) => waiting.push(stretch),
                    Err(error) => failed = Some(error.into()),
                },
            }
        }
    }

    /// All stretches in one transaction. The block that should be reached.
    fn store(&self, stretches: Vec<Blocks>) -> Storing {
        let (pool, source, last_final) = (self.pool.clone(), self.source, self.last_final());
        AbortOnDropHandle::new(tokio::spawn(async move {
            let all = Blocks::joined(stretches)?.with_final(last_final);
            Ok((mirror::apply(&pool, &source, &all).await?, *all.last()))
        }))
    }
}
