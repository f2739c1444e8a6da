//! A chain in memory.

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::primitives::{Address, B256, U256};
use billing_core::{
    chain::{Network, Networks},
    mirror::{EventCount, Header, RawLog},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use time::OffsetDateTime;

use super::{
    block::{Block, Seal},
    contract::{CORE_SYSTEM, Contract},
    draw::draw,
    state::{Stage, State},
    transaction::{Transaction, Wanted},
};

const GENESIS_TIME: u64 = 1_700_000_000;
/// Blocks that no branch has any more and that are still answered by hash.
const ORPHANS: usize = 200;

/// A chain that exists only here. Clones are the same chain.
#[derive(Clone, Debug)]
pub struct SimulatedChain(Arc<Mutex<Inner>>);

/// The latest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// How much happens in new blocks.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Blocks of a hundred that hold new transactions.
    pub busy: u32,
    /// New transactions of such a block at most.
    pub most: usize,
}

impl Traffic {
    /// Nothing at all.
    pub const NONE: Self = Self { busy: 0, most: 0 };
    /// A block in fifty.
    pub const QUIET: Self = Self { busy: 2, most: 2 };
    /// A block in two.
    pub const USUAL: Self = Self { busy: 50, most: 3 };
    /// Every block, many times.
    pub const HEAVY: Self = Self { busy: 100, most: 12 };
}

/// The canonical chain from its first block to its head, as the mirror takes it.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// All of them.
    pub headers: Vec<Header>,
    /// Of our contracts, in chain order.
    pub logs: Vec<RawLog>,
    /// At its last block.
    pub counts: Vec<EventCount>,
    /// What the contracts know there.
    pub standing: Standing,
}

/// What the contracts know at one block, told without their events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Subscriptions that go on: plan, subscriber, whether it is paused, and until when it is paid, in unix time.
    pub subscriptions: Vec<(B256, Address, bool, i64)>,
    /// Native coin by account.
    pub deposits: Vec<(Address, U256)>,
}

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

impl SimulatedChain {
    /// A chain of one block. Nothing deeper than `finality` below its highest head is ever replaced.
    #[must_use]
    pub fn new(chain_id: u64, finality: u64, seed: u64) -> Self {
        let genesis = Arc::new(Block::genesis(chain_id, GENESIS_TIME));
        Self(Arc::new(Mutex::new(Inner {
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
        })))
    }

    /// Mines blocks.
    pub fn append(&self, blocks: u64, traffic: Traffic) -> Head {
        let mut chain = self.lock();
        for _ in 0..blocks {
            chain.mine(traffic);
        }
        chain.head()
    }

    /// The latest block.
    #[must_use]
    pub fn head(&self) -> Head {
        self.lock().head()
    }

    /// Number of the highest block there ever was.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.lock().highest
    }

    /// The whole canonical chain.
    #[must_use]
    pub fn stretch(&self) -> Stretch {
        self.stretch_to(self.head().number)
    }

    /// The canonical chain up to that block.
    #[must_use]
    pub fn stretch_to(&self, number: u64) -> Stretch {
        self.lock().stretch_to(number)
    }

    /// Hash of the canonical block of that number.
    #[must_use]
    pub fn hash_at(&self, number: u64) -> Option<B256> {
        self.lock().at(number).map(|block| block.hash)
    }

    /// An entry of a networks file: this chain at these nodes.
    #[must_use]
    pub fn network_toml(&self, name: &str, rpc_urls: &[String]) -> String {
        let (chain_id, finality) = {
            let chain = self.lock();
            (chain.chain_id, chain.finality)
        };
        let [plans, subscriptions, gateway, market] = Contract::ALL.map(Contract::address);
        format!(
            r#"[[network]]
name = "{name}"
chain_id = {chain_id}
rpc_urls = {rpc_urls:?}
core_system = "{CORE_SYSTEM}"
plan_manager = "{plans}"
subscription_manager = "{subscriptions}"
payment_gateway = "{gateway}"
marketplace = "{market}"
finality_depth = {finality}
poll_interval_ms = 10

"#
        )
    }

    /// The same, read.
    #[must_use]
    pub fn network(&self, name: &str, rpc_urls: &[String]) -> Network {
        let networks = Networks::parse(&self.network_toml(name, rpc_urls), Path::new("")).expect("a networks file");
        networks.find(name).expect("it names this network").clone()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Inner {
    pub(super) fn latest(&self) -> &Arc<Block> {
        self.canonical.last().expect("there is always the first block")
    }

    fn head(&self) -> Head {
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

    fn stretch_to(&self, number: u64) -> Stretch {
        let blocks = || self.canonical.iter().take_while(|block| block.number <= number);
        let state = &self.at(number).expect("a block of the chain").state;
        let count =
            |contract: Contract| EventCount { address: contract.address(), count: signed(state.count(contract)) };
        Stretch {
            headers: blocks().map(|block| header(block)).collect(),
            logs: blocks().flat_map(|block| raw_logs(block)).collect(),
            counts: Contract::ALL.into_iter().map(count).collect(),
            standing: standing(state),
        }
    }
}

fn standing(state: &State) -> Standing {
    let going_on = state.subscriptions.iter().filter(|(_, known)| known.stage != Stage::Ended);
    let subscriptions =
        going_on.map(|((plan, who), known)| (*plan, *who, known.stage == Stage::Paused, signed(known.paid_until)));
    let deposits = state.deposits.iter().map(|(who, balance)| (*who, *balance));
    Standing { subscriptions: subscriptions.collect(), deposits: deposits.collect() }
}

fn header(block: &Block) -> Header {
    Header {
        number: signed(block.number),
        hash: block.hash,
        parent_hash: block.parent,
        time: OffsetDateTime::from_unix_timestamp(signed(block.time)).expect("a time of this age"),
    }
}

fn raw_logs(block: &Block) -> impl Iterator<Item = RawLog> {
    let of = header(block);
    block.logs.iter().map(move |log| RawLog {
        block_number: of.number,
        block_hash: of.hash,
        block_time: of.time,
        tx_hash: log.tx_hash,
        log_index: signed(log.index),
        address: log.address,
        topics: log.data.topics().to_vec(),
        data: log.data.data.clone(),
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("far below")
}
