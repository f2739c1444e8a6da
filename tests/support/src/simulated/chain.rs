//! A chain in memory.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::primitives::B256;
use billing_core::chain::{Network, Networks};

use super::{
    contract::{CORE_SYSTEM, Contract},
    inner::Inner,
    stretch::Stretch,
};

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

impl SimulatedChain {
    /// A chain of one block. Nothing deeper than `finality` below its highest head is ever replaced.
    #[must_use]
    pub fn new(chain_id: u64, finality: u64, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner::new(chain_id, finality, seed))))
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

    /// Number of the last block that is never replaced.
    #[must_use]
    pub fn finalized(&self) -> u64 {
        self.lock().finalized()
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
