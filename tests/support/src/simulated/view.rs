//! What one node knows of the chain.

use std::sync::Arc;

use alloy::primitives::{Address, B256};
use serde_json::Value;

use super::{
    block::{Block, BlockLog},
    fault::NodeFault,
    inner::Inner,
};

/// The chain up to some head, or a branch that it left.
pub(super) struct View<'a> {
    pub(super) chain: &'a Inner,
    pub(super) head: u64,
    old_branch: bool,
}

impl<'a> View<'a> {
    /// What a node sees that has this trouble.
    pub(super) fn new(chain: &'a Inner, fault: Option<NodeFault>) -> Self {
        let latest = chain.latest().number;
        match fault {
            Some(NodeFault::Behind { blocks, .. }) => {
                Self { chain, head: latest.saturating_sub(blocks), old_branch: false }
            }
            Some(NodeFault::OldBranch { .. }) => Self { chain, head: chain.head_before(), old_branch: true },
            _ => Self { chain, head: latest, old_branch: false },
        }
    }

    pub(super) fn by_number(&self, number: u64) -> Option<&'a Arc<Block>> {
        let found = if self.old_branch { self.chain.at_before(number) } else { self.chain.at(number) };
        found.filter(|_| number <= self.head)
    }

    /// A number, or a tag.
    pub(super) fn by_tag(&self, tag: &str) -> Option<&'a Arc<Block>> {
        self.by_number(self.number(tag)?)
    }

    pub(super) fn number(&self, tag: &str) -> Option<u64> {
        match tag {
            "latest" | "pending" => Some(self.head),
            "safe" | "finalized" => Some(self.chain.finalized().min(self.head)),
            "earliest" => Some(0),
            number => u64::from_str_radix(number.strip_prefix("0x")?, 16).ok(),
        }
    }

    /// Of any branch; of the chain as it is now, only what the node knows.
    pub(super) fn by_hash(&self, hash: B256) -> Option<&'a Arc<Block>> {
        let found = self.chain.by_hash(hash)?;
        let canonical = self.chain.at(found.number).is_some_and(|block| block.hash == hash);
        let known = self.by_number(found.number).is_some_and(|block| block.hash == hash);
        (!canonical || known).then_some(found)
    }

    /// As calls name a block: a number, a tag, or an object with its hash or number.
    pub(super) fn block(&self, named: &Value) -> Option<&'a Arc<Block>> {
        match named {
            Value::Null => self.by_tag("latest"),
            Value::String(text) if text.len() == 66 => self.by_hash(text.parse().ok()?),
            Value::String(tag) => self.by_tag(tag),
            named => match named.get("blockHash").and_then(Value::as_str) {
                Some(hash) => self.by_hash(hash.parse().ok()?),
                None => self.by_tag(named.get("blockNumber")?.as_str()?),
            },
        }
    }

    /// The blocks of a range, as far as the node has them.
    pub(super) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = &'a Arc<Block>> {
        (from..=to.min(self.head)).filter_map(|number| self.by_number(number))
    }
}

/// Which logs are asked for.
pub(super) struct Wanted {
    addresses: Vec<Address>,
    topics: Vec<Vec<B256>>,
}

impl Wanted {
    /// From a filter; one that cannot be read wants everything.
    pub(super) fn of(filter: &Value) -> Self {
        let topics = filter["topics"].as_array().map(|places| places.iter().map(one_or_many).collect());
        Self { addresses: one_or_many(&filter["address"]), topics: topics.unwrap_or_default() }
    }

    pub(super) fn holds(&self, log: &BlockLog) -> bool {
        let topics = log.data.topics();
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && self
                .topics
                .iter()
                .enumerate()
                .all(|(place, any)| any.is_empty() || topics.get(place).is_some_and(|topic| any.contains(topic)))
    }
}

fn one_or_many<T: std::str::FromStr>(value: &Value) -> Vec<T> {
    match value {
        Value::String(one) => one.parse().into_iter().collect(),
        Value::Array(many) => many.iter().filter_map(|one| one.as_str()?.parse().ok()).collect(),
        _ => Vec::new(),
    }
}
