//! One thing that happens.

use std::time::Duration;

use rand::{Rng, rngs::StdRng};
use test_support::{Fate, NodeFault, Traffic};

use super::network::Kind;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Append {
        network: usize,
        blocks: u64,
        traffic: Traffic,
    },
    /// As deep as asked, or as what is final allows.
    Reorg {
        network: usize,
        depth: u64,
        new_blocks: u64,
        fate: Fate,
    },
    Shorten {
        network: usize,
        blocks: u64,
    },
    Fault {
        network: usize,
        node: usize,
        fault: NodeFault,
    },
    Heal {
        network: usize,
    },
    Kill {
        replica: usize,
    },
    Start {
        replica: usize,
    },
    /// The database ends sessions.
    Cut,
    /// So many of a hundred statements that write fail, with their sessions or without.
    Trip {
        percent: u32,
    },
    /// Sessions end between a commit and its answer.
    LoseCommits {
        every: u64,
    },
    /// All projections are made anew, while the mirror is live.
    Reindex {
        network: usize,
    },
    /// Everything is well, and the mirror must soon be right.
    Quiet,
}

/// How long the next step waits.
#[derive(Clone, Copy, Debug)]
pub enum Pause {
    None,
    /// Until the nodes answered so many requests more.
    Requests(u64),
    Micros(u64),
}

impl Step {
    pub fn draw(random: &mut StdRng, kind: Kind) -> Self {
        let network = random.random_range(0..2);
        let blocks = few_or(random, 20);
        let traffic = [kind.traffic, Traffic::QUIET, Traffic::HEAVY, Traffic::NONE][random.random_range(0..4)];
        match random.random_range(0..100) {
            0..30 => Self::Append { network, blocks, traffic: kind.traffic },
            30..42 => Self::Append { network, blocks: 1, traffic },
            42..44 => Self::Append { network, blocks: random.random_range(100..=2_000), traffic: Traffic::QUIET },
            44..62 => {
                let depth = few_or(random, 32);
                // Usually longer than what it replaces, sometimes much shorter.
                let new_blocks = if random.random_ratio(2, 3) { depth + random.random_range(0..3) } else { blocks };
                Self::Reorg { network, depth, new_blocks, fate: fate(random) }
            }
            62..67 => Self::Shorten { network, blocks: random.random_range(1..=12) },
            67..73 => {
                let node = random.random_range(0..kind.nodes);
                Self::Fault { network, node, fault: fault(random) }
            }
            73..86 => Self::Heal { network },
            86..89 => Self::Kill { replica: random.random_range(0..2) },
            89..93 => Self::Start { replica: random.random_range(0..2) },
            93 => Self::Cut,
            94 => Self::Trip { percent: random.random_range(3..20) },
            95 => Self::LoseCommits { every: random.random_range(2..6) },
            96 => Self::Reindex { network },
            _ => Self::Quiet,
        }
    }
}

impl Pause {
    pub fn draw(random: &mut StdRng) -> Self {
        match random.random_range(0..4) {
            0 => Self::None,
            1 | 2 => Self::Requests(random.random_range(1..=30)),
            _ => Self::Micros(random.random_range(0..5_000)),
        }
    }
}

/// Most often a few, sometimes up to `most`.
fn few_or(random: &mut StdRng, most: u64) -> u64 {
    let most = if random.random_ratio(2, 3) { 4 } else { most };
    random.random_range(1..=most)
}

fn fate(random: &mut StdRng) -> Fate {
    [Fate::Kept, Fate::Dropped, Fate::Moved, Fate::Replaced, Fate::Mixed][random.random_range(0..5)]
}

fn fault(random: &mut StdRng) -> NodeFault {
    let every = random.random_range(1..=9);
    match random.random_range(0..10) {
        0 => NodeFault::Cut { every },
        1 => NodeFault::NoLogs { every },
        2 => NodeFault::OneLogLess { every },
        3 => NodeFault::Behind { blocks: random.random_range(1..=8), every },
        4 => NodeFault::BadGateway { every },
        5 => NodeFault::TooMany { logs: random.random_range(8..60) },
        6 => NodeFault::Slow { by: Duration::from_millis(random.random_range(1..80)), every },
        7 => NodeFault::OldBranch { every },
        8 => NodeFault::Blind { every },
        _ => NodeFault::Pruned,
    }
}
