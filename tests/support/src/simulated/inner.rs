//! Blocks of all branches, and which of them are the chain.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use alloy::primitives::B256;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    block::{Block, Seal},
    chain::{Head, Traffic},
    draw::draw,
    transaction::{Transaction, Wanted},
};

const GENESIS_TIME: u64 = 1_700_000_000;
/// Blocks that no branch has any more and that are still answered by hash.
const ORPHANS: usize = 200;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) chain_id: u64,
    pub(super) finality: u64,
    pub(super) random: StdRng,
    pub(super) canonical: Vec<Arc<Block>>,
    by_hash: HashMap<B256, Arc<Block>>,
    orphans: VecDeque<B256>,
    /// The end of the chain before it last changed its branch.
    left: Vec<Arc<Block>>,
    /// Orphaned by a shorter branch, to be mined again.
    pub(super) pending: Vec<Transaction>,
    /// Number of the highest head there ever was.
    pub(super) highest: u64,
    blocks_made: u64,
    transactions_made: u64,
}

impl Inner {
    pub(super) fn new(chain_id: u64, finality: u64, seed: u64) -> Self {
        let genesis = Arc::new(Block::genesis(chain_id, GENESIS_TIME));
        Self {
            chain_id,
            finality,
            random: StdRng::seed_from_u64(seed ^ chain_id.rotate_left(32)),
            by_hash: HashMap::from([(genesis.hash, Arc::clone(&genesis))]),
            canonical: vec![genesis],
            orphans: VecDeque::new(),
            left: Vec::new(),
            pending: Vec::new(),
            highest: 0,
            blocks_made: 0,
            transactions_made: 0,
        }
    }

    pub(super) fn latest(&self) -> &Arc<Block> {
        self.canonical.last().expect("there is always the first block")
    }

    pub(super) fn head(&self) -> Head {
        Head { number: self.latest().number, hash: self.latest().hash }
    }

    pub(super) fn at(&self, number: u64) -> Option<&Arc<Block>> {
        self.canonical.get(usize::try_from(number).ok()?)
    }

    /// As it was before the chain last changed its branch.
    pub(super) fn at_before(&self, number: u64) -> Option<&Arc<Block>> {
        match self.left.first() {
            Some(first) if number >= first.number => self.left.get(usize::try_from(number - first.number).ok()?),
            _ => self.at(number),
        }
    }

    /// Number of the head then.
    pub(super) fn head_before(&self) -> u64 {
        self.left.last().unwrap_or(self.latest()).number
    }

    /// Of any branch that is not forgotten.
    pub(super) fn by_hash(&self, hash: B256) -> Option<&Arc<Block>> {
        self.by_hash.get(&hash)
    }

    /// A block with what waits to be mined again, and with new transactions.
    pub(super) fn mine(&mut self, traffic: Traffic) {
        let again = self.pending.len().min(self.random.random_range(0..6));
        let mut wanted: Vec<Wanted> = self.pending.drain(..again).map(Wanted::Known).collect();
        if self.random.random_ratio(traffic.busy, 100) {
            let new = self.random.random_range(1..=traffic.most);
            wanted.extend((0..new).map(|_| Wanted::New));
        }
        self.mine_these(wanted);
    }

    pub(super) fn mine_these(&mut self, wanted: Vec<Wanted>) {
        let parent = Arc::clone(self.latest());
        let transactions = wanted.into_iter().map(|wanted| match wanted {
            Wanted::Known(transaction) => transaction,
            Wanted::New => {
                self.transactions_made += 1;
                let intent = draw(&parent.state, &mut self.random);
                Transaction::new(self.chain_id, self.transactions_made, intent)
            }
        });
        let transactions = transactions.collect();
        self.blocks_made += 1;
        let seal = Seal { time: parent.time + self.random.random_range(1..=12), salt: self.blocks_made };
        let block = Arc::new(Block::after(&parent, seal, transactions));
        self.by_hash.insert(block.hash, Arc::clone(&block));
        self.highest = self.highest.max(block.number);
        self.canonical.push(block);
    }

    /// Takes the last blocks away; they are answered by hash for a while.
    pub(super) fn orphan(&mut self, blocks: u64) -> Vec<Arc<Block>> {
        let left = self.canonical.len() - usize::try_from(blocks).expect("fewer than there are");
        let orphaned = self.canonical.split_off(left.max(1));
        self.orphans.extend(orphaned.iter().map(|block| block.hash));
        self.left.clone_from(&orphaned);
        while self.orphans.len() > ORPHANS {
            let forgotten = self.orphans.pop_front();
            forgotten.map(|hash| self.by_hash.remove(&hash));
        }
        orphaned
    }

    /// The last block that is never replaced.
    pub(super) const fn finalized(&self) -> u64 {
        self.highest.saturating_sub(self.finality)
    }
}
