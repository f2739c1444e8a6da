//! A log as what it tells, without the bytes it was told in.

use alloy::primitives::Address;

use super::{
    MirrorError, RawLog, Source,
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
        let at = LogPoint {
            chain_id,
            block_number: log.block_number,
            block_hash: log.block_hash,
            block_time: log.block_time,
            tx_hash: log.tx_hash,
            log_index: log.log_index,
        };
        Self { sequence, event, address: log.address, at }
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
