//! Rows of `chain_log` in PostgreSQL's binary COPY format: per field a length and the bytes of its type's binary form.

use time::OffsetDateTime;

use super::log_row::LogRow;
use crate::ids::ChainId;

/// The columns, in the order in which rows are written.
pub(super) const STATEMENT: &str = "copy chain_log (chain_id, block_number, log_index, block_time, sequence, subject,
    account, block_hash, tx_hash, address, topic0, topic1, topic2, topic3, data) from stdin (format binary)";
const COLUMNS: i16 = 15;
/// Signature, then flags and the length of an extension, both zero.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// PostgreSQL counts microseconds from 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The beginning of a copy.
pub(super) fn begin(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(HEADER);
}

/// One row more.
pub(super) fn push(buffer: &mut Vec<u8>, chain_id: ChainId, row: &LogRow<'_>) {
    let log = row.log;
    buffer.extend_from_slice(&COLUMNS.to_be_bytes());
    number(buffer, chain_id.0);
    number(buffer, log.block_number);
    number(buffer, log.log_index);
    number(buffer, micros(log.block_time));
    number(buffer, row.sequence);
    optional(buffer, row.subject.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    optional(buffer, row.account.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    bytes(buffer, log.block_hash.as_slice());
    bytes(buffer, log.tx_hash.as_slice());
    bytes(buffer, log.address.as_slice());
    for topic in 0..4 {
        optional(buffer, log.topics.get(topic).map(|topic| topic.as_slice()));
    }
    bytes(buffer, &log.data);
}

/// The end of a copy.
pub(super) fn end(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(&(-1_i16).to_be_bytes());
}

fn micros(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1_000_000 + i64::from(time.microsecond()) - EPOCH_MICROS
}

fn number(buffer: &mut Vec<u8>, value: i64) {
    bytes(buffer, &value.to_be_bytes());
}

fn optional(buffer: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => bytes(buffer, value),
        None => buffer.extend_from_slice(&(-1_i32).to_be_bytes()),
    }
}

fn bytes(buffer: &mut Vec<u8>, value: &[u8]) {
    // A field is a part of one answer of a node, far below the format's 2 GiB.
    let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(value);
}
