//! What happens to the end of a chain.

use rand::{Rng, rngs::StdRng};

use super::{
    chain::{Head, SimulatedChain, Traffic},
    transaction::{Transaction, Wanted},
};

/// What becomes of the transactions of an orphaned branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are mined at the same height again, in other blocks.
    Kept,
    /// They are never mined.
    Dropped,
    /// They are mined in another block, in another order.
    Moved,
    /// Another one is mined in the place of each.
    Replaced,
    /// Any of these, each by itself.
    Mixed,
}

impl Fate {
    const SINGLE: [Self; 4] = [Self::Kept, Self::Dropped, Self::Moved, Self::Replaced];

    fn of_one(self, random: &mut StdRng) -> Self {
        match self {
            Self::Mixed => Self::SINGLE[random.random_range(0..Self::SINGLE.len())],
            single => single,
        }
    }
}

impl SimulatedChain {
    /// Depth of the deepest reorganisation that leaves alone what is final.
    #[must_use]
    pub fn deepest_reorg(&self) -> u64 {
        let chain = self.lock();
        chain.latest().number.saturating_sub(chain.finalized())
    }

    /// Replaces the last `depth` blocks by `new_blocks` others; transactions that find no place wait for later blocks.
    pub fn reorg(&self, depth: u64, new_blocks: u64, fate: Fate) -> Head {
        let mut chain = self.lock();
        let orphaned = chain.orphan(depth);
        let places = usize::try_from(new_blocks).expect("a few");
        let mut wanted: Vec<Vec<Wanted>> = vec![Vec::new(); places];
        let mut waiting = Vec::new();
        for (height, block) in orphaned.iter().enumerate() {
            for transaction in &block.transactions {
                let (place, what) = match fate.of_one(&mut chain.random) {
                    Fate::Dropped => continue,
                    Fate::Moved => {
                        let place = chain.random.random_range(0..=places);
                        (place, Wanted::Known(transaction.clone()))
                    }
                    Fate::Replaced => (height, Wanted::New),
                    Fate::Kept | Fate::Mixed => (height, Wanted::Known(transaction.clone())),
                };
                put(&mut wanted, &mut waiting, place, what);
            }
        }
        chain.pending.extend(waiting);
        for mut block in wanted {
            if fate == Fate::Moved {
                block.reverse();
            }
            chain.mine_these(block);
        }
        drop(chain);
        self.head()
    }

    /// Takes the last blocks away and puts none in their place; their transactions wait for later blocks.
    pub fn shorten(&self, blocks: u64) -> Head {
        let mut chain = self.lock();
        let orphaned = chain.orphan(blocks);
        let waiting = orphaned.iter().flat_map(|block| block.transactions.iter().cloned());
        chain.pending.extend(waiting);
        drop(chain);
        self.head()
    }

    /// Mines until the chain is longer than it ever was.
    pub fn outgrow(&self, traffic: Traffic) -> Head {
        let missing = self.highest() + 1 - self.head().number;
        self.append(missing, traffic)
    }
}

fn put(wanted: &mut [Vec<Wanted>], waiting: &mut Vec<Transaction>, place: usize, what: Wanted) {
    match (wanted.get_mut(place), what) {
        (Some(block), what) => block.push(what),
        (None, Wanted::Known(transaction)) => waiting.push(transaction),
        (None, Wanted::New) => {}
    }
}
