//! What the indexer hands over: headers and logs of a stretch of one chain.

use alloy::primitives::{Address, B256, Bytes};
use time::OffsetDateTime;

use super::MirrorError;
use crate::{chain::Network, ids::ChainId, log_point::LogPoint};

/// Headers kept below the finality depth, so that a reorganisation of exactly that depth still finds its fork.
const SPARE_HEADERS: u64 = 16;

/// Which contracts of which chain are mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The chain.
    pub chain_id: ChainId,
    /// `PlanManager`.
    pub plan_manager: Address,
    /// `SubscriptionManager`.
    pub subscription_manager: Address,
    /// `PaymentGateway`.
    pub payment_gateway: Address,
    /// `Marketplace`, where one stands.
    pub marketplace: Option<Address>,
    /// Headers kept below the cursor; a deeper reorganisation is refused.
    pub header_window: i64,
}

impl Source {
    /// The mirrored contracts. Each numbers its events and answers `eventCount()`.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        let always = [self.plan_manager, self.subscription_manager, self.payment_gateway];
        always.into_iter().chain(self.marketplace).collect()
    }
}

impl From<&Network> for Source {
    fn from(network: &Network) -> Self {
        let window = network.finality_depth.saturating_add(SPARE_HEADERS);
        Self {
            chain_id: network.chain_id,
            plan_manager: network.plan_manager,
            subscription_manager: network.subscription_manager,
            payment_gateway: network.payment_gateway,
            marketplace: network.marketplace(),
            header_window: i64::try_from(window).unwrap_or(i64::MAX),
        }
    }
}

/// The last applied block of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its number.
    pub number: i64,
    /// Its hash.
    pub hash: B256,
    /// Its timestamp: the chain's own time.
    pub time: OffsetDateTime,
}

/// A block's header, as far as the mirror needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number.
    pub number: i64,
    /// Its hash.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Its timestamp.
    pub time: OffsetDateTime,
}

/// A log as a node gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawLog {
    /// Block that holds it.
    pub block_number: i64,
    /// That block's hash.
    pub block_hash: B256,
    /// That block's timestamp.
    pub block_time: OffsetDateTime,
    /// Transaction that emitted it.
    pub tx_hash: B256,
    /// Position among the block's logs.
    pub log_index: i64,
    /// Contract that emitted it.
    pub address: Address,
    /// Signature hash and indexed fields.
    pub topics: Vec<B256>,
    /// The other fields.
    pub data: Bytes,
}

impl RawLog {
    /// Where it stands.
    pub(super) const fn point(&self, chain_id: ChainId) -> LogPoint {
        LogPoint {
            chain_id,
            block_number: self.block_number,
            block_hash: self.block_hash,
            block_time: self.block_time,
            tx_hash: self.tx_hash,
            log_index: self.log_index,
        }
    }
}

/// How many events a contract says it has emitted up to the last block of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventCount {
    /// The contract.
    pub address: Address,
    /// Its `eventCount()` there.
    pub count: i64,
}

/// A stretch of one chain: all logs of the mirrored contracts from its first header to its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    headers: Vec<Header>,
    logs: Vec<RawLog>,
    counts: Vec<EventCount>,
    last_final: i64,
}

impl Blocks {
    /// Checks that headers are in order, that neighbours are linked, and that every log stands within the stretch, once,
    /// in a block of that hash. Headers between the first and the last may be left out where the chain is final.
    ///
    /// # Errors
    /// `Inconsistent`: the answers of the node do not belong to one chain; ask again.
    pub fn new(headers: Vec<Header>, mut logs: Vec<RawLog>, counts: Vec<EventCount>) -> Result<Self, MirrorError> {
        let inconsistent = |what: String| Err(MirrorError::Inconsistent(what));
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
            return inconsistent("no header".to_owned());
        };
        for pair in headers.windows(2) {
            let linked = pair[1].number != pair[0].number + 1 || pair[1].parent_hash == pair[0].hash;
            if pair[0].number >= pair[1].number || !linked {
                return inconsistent(format!("block {} does not follow block {}", pair[1].number, pair[0].number));
            }
        }
        logs.sort_unstable_by_key(|log| (log.block_number, log.log_index));
        for log in &logs {
            let known = headers.binary_search_by_key(&log.block_number, |header| header.number);
            let same = known.is_err() || known.is_ok_and(|at| headers[at].hash == log.block_hash);
            if !same || log.block_number < first.number || log.block_number > last.number {
                return inconsistent(format!(
                    "log of block {} {} is not of this chain",
                    log.block_number, log.block_hash
                ));
            }
        }
        let twice = |pair: &[RawLog]| {
            let (one, two) = (&pair[0], &pair[1]);
            one.block_number == two.block_number && (one.log_index == two.log_index || one.block_hash != two.block_hash)
        };
        if let Some(pair) = logs.windows(2).find(|pair| twice(pair)) {
            return inconsistent(format!("block {} came twice", pair[0].block_number));
        }
        Ok(Self { headers, logs, counts, last_final: -1 })
    }

    /// With the last block that the caller knows to be final; it may lie outside.
    #[must_use]
    pub fn with_final(self, last_final: i64) -> Self {
        Self { last_final, ..self }
    }

    /// Stretches that follow each other as one.
    ///
    /// # Errors
    /// `Inconsistent`: one does not follow the one before it.
    pub fn joined(stretches: impl IntoIterator<Item = Self>) -> Result<Self, MirrorError> {
        let mut stretches = stretches.into_iter();
        let Some(mut all) = stretches.next() else { return Err(MirrorError::Inconsistent("no blocks".to_owned())) };
        for next in stretches {
            let (last, first) = (all.last(), next.first());
            if first.number != last.number + 1 || first.parent_hash != last.hash {
                let what = format!("block {} does not follow block {}", first.number, last.number);
                return Err(MirrorError::Inconsistent(what));
            }
            all.headers.extend(next.headers);
            all.logs.extend(next.logs);
            all.counts = next.counts;
        }
        Ok(all)
    }

    /// Ascending by number; first and last bound the stretch.
    #[must_use]
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// In chain order.
    #[must_use]
    pub fn logs(&self) -> &[RawLog] {
        &self.logs
    }

    /// The last block known to be final; -1 where none is.
    #[must_use]
    pub const fn last_final(&self) -> i64 {
        self.last_final
    }

    /// What the contracts say of themselves at the last block; empty where the node no longer knows.
    #[must_use]
    pub fn counts(&self) -> &[EventCount] {
        &self.counts
    }

    /// First block of the stretch.
    #[must_use]
    pub fn first(&self) -> &Header {
        &self.headers[0]
    }

    /// Last block of the stretch, where the cursor goes.
    #[must_use]
    pub fn last(&self) -> &Header {
        &self.headers[self.headers.len() - 1]
    }
}
