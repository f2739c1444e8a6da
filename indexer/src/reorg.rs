//! Where the node's chain leaves the mirror's, and the way back.

use billing_core::{
    chain::Rpc,
    mirror::{self, Cursor, Header, MirrorError, Undone},
};

use crate::{
    ask::{Fetched, inconsistent},
    fetch::{self, Head},
    network::{Mirroring, NEAR_BLOCKS, Round, signed},
};

/// Headers compared at once.
const COMPARED: usize = 32;

impl Mirroring {
    /// Finds the fork, fetches the new branch, and only then takes the old one back.
    pub(crate) async fn undo(&mut self, cursor: Cursor, head: &Head) -> anyhow::Result<Round> {
        let stored = mirror::headers(&mut *self.pool.acquire().await?, self.source.chain_id).await?;
        let rpc = self.rpc.at_least_turned(head.latest.number.unsigned_abs(), self.turn);
        let found = find_fork(&rpc, &stored).await;
        let fork = self.counted(found)?;
        if fork.number == cursor.number {
            return Ok(Round::Again);
        }
        let to = (head.latest.number - signed(self.network().confirmations)).min(fork.number + NEAR_BLOCKS);
        let branch = if to > fork.number {
            let fetched = fetch::near_head(&rpc, &self.source, fork.number + 1, to, head).await;
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
            mirror::apply(&self.pool, &self.source, branch).await?;
        }
        Ok(Round::Again)
    }
}

/// The highest of the stored headers that the node still has; `stored` begins with the highest.
///
/// # Errors
/// `BeyondWindow` when it has none of them; the node's.
async fn find_fork(rpc: &Rpc, stored: &[Header]) -> Fetched<Header> {
    for mine in stored.chunks(COMPARED) {
        let numbers: Vec<i64> = mine.iter().map(|header| header.number).collect();
        for (mine, theirs) in mine.iter().zip(fetch::headers(rpc, &numbers).await?) {
            match theirs {
                Some(theirs) if theirs.hash == mine.hash => return Ok(*mine),
                Some(_) => {}
                None => return inconsistent(&format!("the node lost block {} below its own head", mine.number)),
            }
        }
    }
    let oldest = stored.last().map_or(0, |header| header.number);
    Err(MirrorError::BeyondWindow { chain_id: rpc.network.chain_id, oldest }.into())
}
