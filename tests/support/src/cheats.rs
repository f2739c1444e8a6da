//! What a test does to a chain that no real chain allows.

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use anyhow::{Context, Result, ensure};

use crate::anvil::Anvil;

impl Anvil {
    /// Mines empty blocks, or the waiting transactions when mining is manual.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        Ok(self.provider().anvil_mine(Some(blocks), None).await?)
    }

    /// Moves chain time forward and mines a block there.
    pub async fn increase_time(&self, secs: u64) -> Result<()> {
        self.provider().anvil_increase_time(secs).await?;
        self.mine(1).await
    }

    /// The time of the latest block, in unix seconds.
    pub async fn now(&self) -> Result<u64> {
        let block = self.provider().get_block(alloy::eips::BlockId::latest()).await?;
        Ok(block.context("a chain has a latest block")?.header.timestamp)
    }

    /// Remembers the state for [`Anvil::revert`].
    pub async fn snapshot(&self) -> Result<U256> {
        Ok(self.provider().anvil_snapshot().await?)
    }

    /// Goes back to a snapshot; each serves once.
    pub async fn revert(&self, snapshot: U256) -> Result<()> {
        ensure!(self.provider().anvil_revert(snapshot).await?, "no snapshot {snapshot}");
        Ok(())
    }

    /// Replaces the last `depth` blocks by as many empty ones.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        Ok(self.provider().anvil_reorg(ReorgOptions { depth, tx_block_pairs: Vec::new() }).await?)
    }

    /// Puts code at an address, as if a contract had been deployed there.
    pub async fn set_code(&self, account: Address, code: Bytes) -> Result<()> {
        Ok(self.provider().anvil_set_code(account, code).await?)
    }

    /// Gives an account this balance.
    pub async fn set_balance(&self, account: Address, wei: U256) -> Result<()> {
        Ok(self.provider().anvil_set_balance(account, wei).await?)
    }

    /// Mines a block per transaction, or only when told to.
    pub async fn set_automine(&self, on: bool) -> Result<()> {
        Ok(self.provider().anvil_set_auto_mine(on).await?)
    }
}
