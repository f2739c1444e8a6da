//! A chain on which one history after the other happens, each from the same beginning.

use alloy::{
    primitives::U256,
    providers::{Provider, ext::AnvilApi},
    rpc::types::{
        TransactionRequest,
        anvil::{ReorgOptions, TransactionData},
    },
};
use anyhow::{Context, Result};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use test_support::{Chain, Role};

use super::calls::{Cast, PEOPLE, wealth};
use crate::world::DAY;

/// Blocks that a reorganisation takes back at most.
pub const DEEPEST: u64 = 32;

pub struct Stage {
    pub chain: Chain,
    cast: Cast,
    base: U256,
    /// No history goes back below it.
    floor: u64,
    /// The highest block that ever was.
    highest: u64,
    /// What was sent on the present branch, and in which block it stands.
    sent: Vec<(u64, TransactionRequest)>,
    /// A state to go back to.
    saved: Option<(U256, u64)>,
}

impl Stage {
    pub async fn start(chain_id: u64) -> Result<Self> {
        let chain = Chain::start(chain_id).await?;
        for who in (0..PEOPLE).map(Role::Subscriber) {
            chain.mint(who.address(), wealth()).await?;
            chain.approve(who, chain.addresses().subscription_manager, wealth()).await?;
        }
        let cast = Cast::new(&chain).await?;
        chain.set_automine(false).await?;
        let (base, floor) = (chain.snapshot().await?, chain.provider().get_block_number().await?);
        Ok(Self { chain, cast, base, floor, highest: floor, sent: Vec::new(), saved: None })
    }

    /// Back to the beginning.
    pub async fn reset(&mut self) -> Result<()> {
        self.chain.revert(self.base).await?;
        self.forget_waiting().await?;
        self.base = self.chain.snapshot().await?;
        (self.highest, self.saved) = (self.floor, None);
        self.sent.clear();
        Ok(())
    }

    /// Blocks, each with some of what people do.
    pub async fn live(&mut self, random: &mut StdRng, blocks: u64, most_calls: usize) -> Result<()> {
        for _ in 0..blocks {
            let calls: Vec<TransactionRequest> =
                (0..random.random_range(0..=most_calls)).map(|_| self.cast.any(random)).collect();
            self.block(calls).await?;
        }
        Ok(())
    }

    /// Every plan there can be.
    pub async fn create_plans(&mut self) -> Result<()> {
        let calls = (0..6).map(|at| self.cast.create(at)).collect();
        self.block(calls).await
    }

    async fn block(&mut self, calls: Vec<TransactionRequest>) -> Result<()> {
        let number = self.height().await? + 1;
        for call in calls {
            let sent = self.chain.provider().send_transaction(call.clone()).await;
            drop(sent.context("a transaction is sent")?);
            self.sent.push((number, call));
        }
        self.quiet(1).await
    }

    /// Empty blocks.
    pub async fn quiet(&mut self, blocks: u64) -> Result<()> {
        self.chain.mine(blocks).await?;
        self.rise().await
    }

    /// A day later.
    pub async fn day(&mut self) -> Result<()> {
        self.chain.increase_time(DAY).await?;
        self.rise().await
    }

    /// As many other blocks in place of the last `depth`: some of what was in them stands elsewhere, some is replaced and
    /// some is gone.
    pub async fn reorganise(&mut self, random: &mut StdRng, wanted: u64) -> Result<u64> {
        let depth = self.reachable(wanted).await?;
        if depth == 0 {
            return Ok(0);
        }
        let fork = self.height().await? - depth;
        let moved = self.kept(random, fork);
        let mut places: Vec<u64> = moved.iter().map(|_| random.random_range(0..depth)).collect();
        places.sort_unstable();
        let pairs = moved.iter().cloned().map(TransactionData::JSON).zip(places.iter().copied()).collect();
        let options = ReorgOptions { depth, tx_block_pairs: pairs };
        self.chain.provider().anvil_reorg(options).await.context("a reorganisation")?;
        self.leave_above(fork);
        self.sent.extend(places.into_iter().map(|place| fork + 1 + place).zip(moved));
        self.forget_waiting().await?;
        self.rise().await?;
        Ok(depth)
    }

    /// The last `depth` blocks go, and some others come: often fewer.
    pub async fn fall_back(&mut self, random: &mut StdRng, wanted: u64) -> Result<u64> {
        let depth = self.reachable(wanted).await?;
        if depth == 0 {
            return Ok(0);
        }
        let fork = self.height().await? - depth;
        let moved = self.kept(random, fork);
        self.chain.provider().anvil_rollback(Some(depth)).await.context("a rollback")?;
        self.other_branch(random, fork, moved).await?;
        Ok(depth)
    }

    pub async fn save(&mut self) -> Result<()> {
        self.saved = Some((self.chain.snapshot().await?, self.height().await?));
        Ok(())
    }

    /// Back to the state that was saved, where that is not too deep, and on from there.
    pub async fn return_to_saved(&mut self, random: &mut StdRng) -> Result<Option<u64>> {
        let Some((snapshot, block)) = self.saved.take() else { return Ok(None) };
        if block < self.lowest() || block >= self.height().await? {
            return Ok(None);
        }
        let moved = self.kept(random, block);
        self.chain.revert(snapshot).await?;
        self.other_branch(random, block, moved).await?;
        Ok(Some(block))
    }

    async fn other_branch(&mut self, random: &mut StdRng, fork: u64, moved: Vec<TransactionRequest>) -> Result<()> {
        self.leave_above(fork);
        self.forget_waiting().await?;
        // Else an empty block would be the one that stood there before.
        self.chain.provider().anvil_increase_time(random.random_range(1..50)).await?;
        let blocks = random.random_range(1..5_usize);
        for part in moved.chunks(moved.len().div_ceil(blocks).max(1)) {
            self.block(part.to_vec()).await?;
        }
        let more = random.random_range(1..4);
        self.live(random, more, 2).await
    }

    /// What is above the fork is of a branch that is gone, a saved state too.
    fn leave_above(&mut self, fork: u64) {
        self.sent.retain(|(block, _)| *block <= fork);
        self.saved = self.saved.filter(|(_, block)| *block <= fork);
    }

    /// A part of what was sent above the fork, some of it replaced by something else.
    fn kept(&self, random: &mut StdRng, fork: u64) -> Vec<TransactionRequest> {
        let gone = self.sent.iter().filter(|(block, _)| *block > fork).map(|(_, call)| call);
        let share = *[0, 40, 80, 100].choose(random).expect("there are some");
        let mut kept = Vec::new();
        for call in gone {
            if random.random_range(0..100) < share {
                kept.push(if random.random_ratio(1, 5) { self.cast.any(random) } else { call.clone() });
            }
        }
        kept
    }

    /// Grows past every block that ever was, and lets every contract emit an event.
    pub async fn outgrow(&mut self, random: &mut StdRng) -> Result<()> {
        let missing = self.highest + 1 - self.height().await?;
        self.quiet(missing).await?;
        self.live(random, 2, 4).await
    }

    async fn height(&self) -> Result<u64> {
        Ok(self.chain.provider().get_block_number().await?)
    }

    async fn rise(&mut self) -> Result<()> {
        self.highest = self.highest.max(self.height().await?);
        Ok(())
    }

    /// What lies below may be final already.
    fn lowest(&self) -> u64 {
        self.floor.max(self.highest.saturating_sub(DEEPEST))
    }

    async fn reachable(&self, wanted: u64) -> Result<u64> {
        Ok(wanted.min(self.height().await?.saturating_sub(self.lowest())))
    }

    async fn forget_waiting(&self) -> Result<()> {
        Ok(self.chain.provider().anvil_drop_all_transactions().await?)
    }
}
