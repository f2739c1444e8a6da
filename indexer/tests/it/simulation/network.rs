//! A simulated chain, its nodes, and the entry of the networks file that tells of them.

use anyhow::Result;
use billing_core::chain::Network;
use test_support::{Fate, SimulatedChain, SimulatedNode, Traffic};

/// What the worlds of a test have in common.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Nodes of each network.
    pub nodes: usize,
    /// Whether logs tell the time of their block.
    pub log_times: bool,
    pub finality: u64,
    pub confirmations: u64,
    pub traffic: Traffic,
}

pub struct Simulated {
    pub chain: SimulatedChain,
    pub nodes: Vec<SimulatedNode>,
    pub network: Network,
}

impl Simulated {
    pub async fn start(name: &str, chain_id: u64, seed: u64, kind: Kind) -> Result<Self> {
        let chain = SimulatedChain::new(chain_id, kind.finality, seed);
        chain.append(20, kind.traffic);
        let mut nodes = Vec::new();
        for _ in 0..kind.nodes {
            let node = SimulatedNode::start(&chain).await?;
            node.set_log_times(kind.log_times);
            nodes.push(node);
        }
        let urls: Vec<_> = nodes.iter().map(SimulatedNode::url).collect();
        let network = Network { confirmations: kind.confirmations, ..chain.network(name, &urls) };
        Ok(Self { chain, nodes, network })
    }

    pub fn heal(&self) {
        for node in &self.nodes {
            node.set_fault(None);
        }
    }

    /// As deep as told, or as what is final allows.
    pub fn reorg(&self, depth: u64, new_blocks: u64, fate: Fate) {
        self.chain.reorg(depth.min(self.chain.deepest_reorg()), new_blocks, fate);
    }

    /// Likewise.
    pub fn shorten(&self, blocks: u64) {
        self.chain.shorten(blocks.min(self.chain.deepest_reorg()));
    }

    pub fn requests(&self) -> u64 {
        self.nodes.iter().map(SimulatedNode::requests).sum()
    }
}
