//! Stretches of a chain from a node, such that everything in one stretch belongs to one branch.
//!
//! Near the head every header is fetched, neighbours are linked by hash, and logs are asked for by block hash: a node
//! that does not know the block answers with an error, not with nothing. Where the chain is final a range is asked for
//! by number; its last header is fetched before and after the logs and must be the same. In both cases the contracts'
//! own event counts at the last block show what a node left out.

use std::collections::BTreeMap;

use alloy::{
    eips::BlockId,
    primitives::B256,
    providers::Provider,
    rpc::types::{Filter, Log},
    transports::{RpcError, TransportError},
};
use billing_bindings::PlanManager;
use billing_core::{
    chain::{ChainError, Rpc},
    mirror::{Blocks, EventCount, Header, MirrorError, RawLog, Source},
};
use billing_nodes::{Class, class_of};
use futures::{StreamExt, TryStreamExt, stream};
use time::OffsetDateTime;

/// Questions to one node under way at once.
const IN_FLIGHT: usize = 8;

/// Why there is no stretch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The answer would be too large: a smaller range may do.
    #[error(transparent)]
    TooLarge(ChainError),
    /// The nodes answered that they will not.
    #[error(transparent)]
    Refused(ChainError),
    /// No node answered in time, or not at all: perhaps because the range is too large for it.
    #[error(transparent)]
    Unanswered(ChainError),
    /// The answers do not belong together: the chain moved meanwhile, or the node is several nodes.
    #[error(transparent)]
    Inconsistent(#[from] MirrorError),
}

type Fetched<T> = Result<T, FetchError>;

/// The node's latest block.
pub(crate) async fn head(rpc: &Rpc) -> Fetched<Header> {
    let block = rpc.provider.get_block(BlockId::latest()).await.map_err(|error| fault(rpc, &error))?;
    block.map_or_else(|| inconsistent("no latest block"), |block| header_of(&block.header))
}

/// The node's block of that number; `None` when it has none.
pub(crate) async fn header(rpc: &Rpc, number: i64) -> Fetched<Option<Header>> {
    let block = rpc.provider.get_block_by_number(number.unsigned_abs().into()).await;
    block.map_err(|error| fault(rpc, &error))?.map(|block| header_of(&block.header)).transpose()
}

async fn existing_header(rpc: &Rpc, number: i64) -> Fetched<Header> {
    header(rpc, number).await?.map_or_else(|| inconsistent(&format!("block {number} is not there")), Ok)
}

/// All blocks from `from` to `to`, each with its header.
pub(crate) async fn near_head(rpc: &Rpc, source: &Source, from: i64, to: i64) -> Fetched<Blocks> {
    counted_or_twice(source, || each_block(rpc, source, from, to)).await
}

/// All blocks from `from` to `to`, which are final; headers of both ends, and of others where a time is needed.
pub(crate) async fn final_range(rpc: &Rpc, source: &Source, from: i64, to: i64) -> Fetched<Blocks> {
    counted_or_twice(source, || one_range(rpc, source, from, to)).await
}

/// Where a node no longer knows what the contracts counted, it is asked for the logs a second time: an answer that lacks
/// one by accident differs from the next.
async fn counted_or_twice<F: Future<Output = Fetched<Blocks>>>(
    source: &Source,
    ask: impl Fn() -> F,
) -> Fetched<Blocks> {
    let blocks = ask().await?;
    if blocks.counts().len() < source.addresses().len() && ask().await?.logs() != blocks.logs() {
        let (first, last) = (blocks.first().number, blocks.last().number);
        return inconsistent(&format!("two answers for the logs of blocks {first} to {last} differ"));
    }
    Ok(blocks)
}

async fn each_block(rpc: &Rpc, source: &Source, from: i64, to: i64) -> Fetched<Blocks> {
    let one = |number| async move {
        let header = existing_header(rpc, number).await?;
        let filter = Filter::new().address(source.addresses()).at_block_hash(header.hash);
        let logs = get_logs(rpc, &filter);
        // Only the last block's counts are kept.
        let counts = async { Ok(if number == to { event_counts(rpc, source, header.hash).await } else { Vec::new() }) };
        let (logs, counts) = futures::future::try_join(logs, counts).await?;
        Ok::<_, FetchError>((header, logs, counts))
    };
    let blocks: Vec<_> = stream::iter(from..=to).map(one).buffered(IN_FLIGHT).try_collect().await?;
    let mut headers = Vec::with_capacity(blocks.len());
    let (mut raw, mut counts) = (Vec::new(), Vec::new());
    for (header, logs, its_counts) in blocks {
        for log in &logs {
            raw.push(raw_log(log, Some(header.time))?);
        }
        headers.push(header);
        counts = its_counts;
    }
    Ok(Blocks::new(headers, raw, counts)?)
}

async fn one_range(rpc: &Rpc, source: &Source, from: i64, to: i64) -> Fetched<Blocks> {
    let (first, last) = futures::future::try_join(existing_header(rpc, from), existing_header(rpc, to)).await?;
    let range = Filter::new().address(source.addresses());
    let range = range.from_block(from.unsigned_abs()).to_block(to.unsigned_abs());
    let counts = async { Ok(event_counts(rpc, source, last.hash).await) };
    let (logs, counts) = futures::future::try_join(get_logs(rpc, &range), counts).await?;
    let mut headers = BTreeMap::from([(first.number, first), (last.number, last)]);
    fetch_times(rpc, &logs, &mut headers).await?;
    if existing_header(rpc, to).await?.hash != last.hash {
        return inconsistent(&format!("block {to} was replaced while its logs were fetched"));
    }
    let time = |log: &Log| {
        let number = log.block_number.and_then(|number| i64::try_from(number).ok())?;
        headers.get(&number).map(|header| header.time)
    };
    let raw = logs.iter().map(|log| raw_log(log, time(log))).collect::<Fetched<Vec<_>>>()?;
    Ok(Blocks::new(headers.into_values().collect(), raw, counts)?)
}

/// Many nodes put the block's time into each log; of the others the headers are asked.
async fn fetch_times(rpc: &Rpc, logs: &[Log], headers: &mut BTreeMap<i64, Header>) -> Fetched<()> {
    let untimed = logs.iter().filter(|log| log.block_timestamp.is_none()).filter_map(|log| log.block_number);
    let mut numbers: Vec<i64> = untimed.filter_map(|number| i64::try_from(number).ok()).collect();
    numbers.dedup();
    numbers.retain(|number| !headers.contains_key(number));
    let questions = numbers.into_iter().map(|number| existing_header(rpc, number));
    let found: Vec<Header> = stream::iter(questions).buffered(IN_FLIGHT).try_collect().await?;
    headers.extend(found.into_iter().map(|header| (header.number, header)));
    Ok(())
}

/// What a node marks as removed belongs to a branch that is gone; the headers tell that too, so it is left out.
async fn get_logs(rpc: &Rpc, filter: &Filter) -> Fetched<Vec<Log>> {
    let mut logs = rpc.provider.get_logs(filter).await.map_err(|error| fault(rpc, &error))?;
    logs.retain(|log| !log.removed);
    Ok(logs)
}

/// The contracts' own counts at a block. A node that no longer has the block's state, or a block before the
/// contracts', gives none, and nothing is checked.
async fn event_counts(rpc: &Rpc, source: &Source, block: B256) -> Vec<EventCount> {
    let counts = source.addresses().into_iter().map(|address| async move {
        // The same call on each of them.
        let contract = PlanManager::new(address, &rpc.provider);
        let count = contract.eventCount().block(BlockId::hash(block)).call().await.ok()?;
        Some(EventCount { address, count: i64::try_from(count).ok()? })
    });
    futures::future::join_all(counts).await.into_iter().flatten().collect()
}

fn header_of(header: &alloy::rpc::types::Header) -> Fetched<Header> {
    let number = i64::try_from(header.number).ok();
    match number.zip(instant(header.timestamp)) {
        Some((number, time)) => Ok(Header { number, hash: header.hash, parent_hash: header.parent_hash, time }),
        None => inconsistent("a header's number or time is out of range"),
    }
}

fn raw_log(log: &Log, header_time: Option<OffsetDateTime>) -> Fetched<RawLog> {
    let raw = || {
        Some(RawLog {
            block_number: i64::try_from(log.block_number?).ok()?,
            block_hash: log.block_hash?,
            block_time: header_time.or_else(|| instant(log.block_timestamp?))?,
            tx_hash: log.transaction_hash?,
            log_index: i64::try_from(log.log_index?).ok()?,
            address: log.address(),
            topics: log.topics().to_vec(),
            data: log.data().data.clone(),
        })
    };
    raw().map_or_else(|| inconsistent("a log does not say where it stands"), Ok)
}

fn instant(seconds: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
}

fn inconsistent<T>(what: &str) -> Fetched<T> {
    Err(FetchError::Inconsistent(MirrorError::Inconsistent(what.to_owned())))
}

fn fault(rpc: &Rpc, error: &TransportError) -> FetchError {
    let told = match error {
        // The text of an answer that does not parse may be megabytes.
        RpcError::DeserError { err, .. } => rpc.error(&format!("answer does not parse: {err}")),
        _ => rpc.error(error),
    };
    match class_of(error) {
        Class::TooLarge { .. } => FetchError::TooLarge(told),
        Class::Refused | Class::Pruned => FetchError::Refused(told),
        Class::Transient | Class::RateLimited { .. } | Class::Lagging | Class::Garbage => FetchError::Unanswered(told),
    }
}
