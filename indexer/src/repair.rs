//! Logs that are missing below the cursor.
//!
//! Where a node could not count and left something out twice, a later event number shows it. What was stored since
//! the contract's last event is then taken back, like any reorganisation, and read again.

use billing_core::mirror::{self, Cursor, Header, MirrorError, Undone};

use crate::{
    fetch::{self, Head},
    network::{Mirroring, Round},
};

impl Mirroring {
    /// Goes back behind the block in which the contract's last event stands, or to where it can first have emitted one.
    pub(crate) async fn repair(&mut self, gap: &MirrorError, head: &Head) -> anyhow::Result<Round> {
        let MirrorError::Gap { address, .. } = *gap else { return Ok(Round::Again) };
        let mut conn = self.pool.acquire().await?;
        let Some(seen) = mirror::cursor(&mut conn, self.source.chain_id).await? else { return Ok(Round::Again) };
        let last = mirror::last_logged_block(&mut conn, self.source.chain_id, address).await?;
        drop(conn);
        // Of that block itself a part may be missing.
        let block = (last.unwrap_or(self.start_block()) - 1).max(0);
        // Nothing is stored behind it, or the same was read again already and is as it was.
        if block >= seen.number || self.repaired.is_some_and(|repaired| seen.number <= repaired) {
            anyhow::bail!("{gap}");
        }
        // Both of one node: where it has the cursor's block, its block below is one of the mirror's branch too.
        let rpc = self.rpc.at_least_turned(seen.number.unsigned_abs(), self.turn);
        let asked = fetch::headers(&rpc, &[block, seen.number]).await;
        match self.counted(asked)?.as_slice() {
            [Some(header), Some(at)] if at.hash == seen.hash => self.take_back(&seen, header, gap).await,
            [Some(_), Some(_)] => self.undo(seen, head).await,
            _ => anyhow::bail!("{gap}; and the node lacks block {block} or {}", seen.number),
        }
    }

    async fn take_back(&mut self, seen: &Cursor, to: &Header, gap: &MirrorError) -> anyhow::Result<Round> {
        if let Undone::Moved { depth, logs } = mirror::rewind(&self.pool, &self.source, seen, to).await? {
            (self.checked, self.repaired) = (None, Some(seen.number));
            let network = &self.rpc.network.name;
            tracing::error!(network, block = to.number, depth, logs, "{gap}; taken back to be read again");
        }
        Ok(Round::Again)
    }
}
