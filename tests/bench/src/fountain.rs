//! A chain whose events project nothing: what is left of the indexer's work is fetching, decoding and storing.

use alloy::{sol, sol_types::SolCall};
use anyhow::{Result, ensure};
use serde_json::json;
use test_support::{Role, mock_code};

use crate::site::{Site, TRANSACTION_GAS, progress};

/// Events of one transaction, as far as its gas goes.
const BATCH: u64 = 4_000;

sol! {
    function emitCredits(uint64 count) external;
}

/// A running chain where `LogGenerator` stands in for the subscription manager.
#[derive(Debug)]
pub struct Fountain {
    pub site: Site,
}

impl Fountain {
    pub async fn open(chain_id: u64) -> Result<Self> {
        let site = Site::start(chain_id).await?;
        let code = mock_code("LogGenerator", "LogGenerator").await?;
        site.node.ask("anvil_setCode", json!([site.manager(), code])).await?;
        site.mine().await?;
        Ok(Self { site })
    }

    /// Emits until there are at least `events` events, evenly in blocks up to about `blocks`.
    pub async fn emit_until(&self, events: u64, blocks: u64) -> Result<()> {
        let (mut found, blocks) = (self.site.events().await?, blocks.saturating_sub(self.site.head().await?).max(1));
        let each = events.saturating_sub(found).div_ceil(blocks).max(1);
        let bar = progress("plain events", events)?;
        while found < events {
            self.emit(each).await?;
            self.site.mine().await?;
            found += each;
            bar.set_position(found);
        }
        bar.finish();
        ensure!(self.site.events().await? == found, "{} events instead of {found}", self.site.events().await?);
        Ok(())
    }

    /// Emits so many events in the next block.
    pub async fn emit(&self, events: u64) -> Result<()> {
        let mut left = events;
        while left > 0 {
            let call = emitCreditsCall { count: left.min(BATCH) };
            left -= call.count;
            self.site.send(Role::Automation.address(), self.site.manager(), call.abi_encode(), TRANSACTION_GAS).await?;
        }
        Ok(())
    }
}
