//! Logs as what they tell, beside the bytes they were told in.

use alloy::primitives::Address;

use super::{
    Blocks, Header, MirrorError, RawLog, Source,
    event::{Event, decode, decode_stored},
};
use crate::{ids::ChainId, log_point::LogPoint, marketplace::PlacedEvent};

/// What a log tells, its number among its contract's events, and where it stands.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) sequence: i64,
    pub(super) event: Event,
    pub(super) address: Address,
    pub(super) at: LogPoint,
}

impl Read {
    fn new(chain_id: ChainId, log: &RawLog, (sequence, event): (i64, Event)) -> Self {
        Self { sequence, event, address: log.address, at: log.point(chain_id) }
    }
}

/// Blocks whose logs are read.
#[derive(Debug)]
pub struct Stretch {
    pub(super) blocks: Blocks,
    pub(super) reads: Vec<Read>,
}

impl Stretch {
    /// Reads all logs.
    ///
    /// # Errors
    /// `Undecodable`: an event this version does not know, or fields that cannot be.
    pub fn read(source: &Source, blocks: Blocks) -> Result<Self, MirrorError> {
        Ok(Self { reads: read(source, blocks.logs())?, blocks })
    }

    /// Stretches that follow each other as one.
    ///
    /// # Errors
    /// `Inconsistent`: one does not follow the one before it.
    pub fn joined(stretches: Vec<Self>) -> Result<Self, MirrorError> {
        let (blocks, reads): (Vec<Blocks>, Vec<Vec<Read>>) =
            stretches.into_iter().map(|stretch| (stretch.blocks, stretch.reads)).unzip();
        Ok(Self { blocks: Blocks::joined(blocks)?, reads: reads.into_iter().flatten().collect() })
    }

    /// With the last block that the caller knows to be final; it may lie outside.
    #[must_use]
    pub fn with_final(self, last_final: i64) -> Self {
        Self { blocks: self.blocks.with_final(last_final), ..self }
    }

    /// Whether the contracts were asked what they counted, and said it.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        !self.blocks.counts().is_empty()
    }

    /// How many logs.
    #[must_use]
    pub const fn logs(&self) -> usize {
        self.reads.len()
    }

    /// Last block, where the cursor goes.
    #[must_use]
    pub fn last(&self) -> &Header {
        self.blocks.last()
    }
}

/// Logs that a node gave.
pub(super) fn read(source: &Source, logs: &[RawLog]) -> Result<Vec<Read>, MirrorError> {
    logs.iter().map(|log| Ok(Read::new(source.chain_id, log, decode(source, log)?))).collect()
}

/// Logs that were stored.
pub(super) fn read_stored(chain_id: ChainId, logs: &[RawLog]) -> Result<Vec<Read>, MirrorError> {
    logs.iter().map(|log| Ok(Read::new(chain_id, log, decode_stored(log)?))).collect()
}

/// Those of the marketplace: each is a row of its own.
pub(super) fn marketplace_events(reads: &[Read]) -> Vec<PlacedEvent> {
    let placed = reads.iter().filter_map(|read| match &read.event {
        Event::Marketplace(event) => Some(PlacedEvent { at: read.at, sequence: read.sequence, event: event.clone() }),
        _ => None,
    });
    placed.collect()
}
