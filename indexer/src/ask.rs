//! One batch of questions to one node, so that its answers belong together.

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bloom, Bytes, U64},
    providers::Provider,
    rpc::{
        client::{BatchRequest, Waiter},
        types::{Filter, TransactionRequest},
    },
    sol_types::{SolConstructor, SolType, sol_data},
    transports::{RpcError, TransportError, TransportResult},
};
use billing_bindings::EventCounts;
use billing_core::{
    chain::{ChainError, Rpc},
    mirror::{EventCount, Header, MirrorError, RawLog},
};
use billing_nodes::{Class, class_of};
use serde::Deserialize;
use time::OffsetDateTime;

/// Why there is no answer that helps.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The answer would be too large: a smaller range may do.
    #[error(transparent)]
    TooLarge(ChainError),
    /// The nodes answered that they will not.
    #[error(transparent)]
    Refused(ChainError),
    /// The nodes do not have the state of that block any more.
    #[error(transparent)]
    Pruned(ChainError),
    /// No node answered in time, or not at all: perhaps because the range is too large for it.
    #[error(transparent)]
    Unanswered(ChainError),
    /// The answers do not belong together: the chain moved meanwhile, or the node is several nodes.
    #[error(transparent)]
    Inconsistent(#[from] MirrorError),
}

pub(crate) type Fetched<T> = Result<T, FetchError>;

/// What a node may be asked for at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    pub(crate) logs: Vec<Filter>,
    pub(crate) headers: Vec<BlockNumberOrTag>,
    /// How many events each contract has emitted up to a block.
    pub(crate) counts: Option<(Vec<Address>, BlockId)>,
}

/// Answers in the order of the questions.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) logs: Vec<Vec<LogAnswer>>,
    /// `None` for a block that the node does not have.
    pub(crate) headers: Vec<Option<HeaderAnswer>>,
    /// Empty where the node did not say.
    pub(crate) counts: Vec<EventCount>,
}

/// What of a block's header the mirror needs. alloy's own type would refuse a block for a field that nobody reads here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeaderAnswer {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    #[serde(default)]
    logs_bloom: Option<Bloom>,
}

/// A log. alloy's own type is read through a buffer of all its fields, which costs more than all that is done with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogAnswer {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_hash: Option<B256>,
    block_number: Option<U64>,
    #[serde(default)]
    block_timestamp: Option<U64>,
    transaction_hash: Option<B256>,
    log_index: Option<U64>,
    #[serde(default)]
    removed: bool,
}

/// Asks one node for all of it.
pub(crate) async fn ask(rpc: &Rpc, questions: &Questions) -> Fetched<Answers> {
    let fault = |error: TransportError| fault(rpc, &error);
    let client = rpc.provider.client();
    let mut batch = BatchRequest::new(client);
    let logs = questions.logs.iter().map(|filter| batch.add_call("eth_getLogs", &(filter,)));
    let logs: Vec<Waiter<Vec<LogAnswer>>> = logs.collect::<TransportResult<_>>().map_err(fault)?;
    let headers = questions.headers.iter().map(|block| batch.add_call("eth_getBlockByNumber", &(block, false)));
    let headers: Vec<Waiter<Option<HeaderAnswer>>> = headers.collect::<TransportResult<_>>().map_err(fault)?;
    let counts = questions.counts.as_ref().map(|(of, at)| count(&mut batch, of, *at)).transpose().map_err(fault)?;
    batch.send().await.map_err(fault)?;
    let mut answers = Answers {
        logs: Vec::with_capacity(logs.len()),
        headers: Vec::with_capacity(headers.len()),
        counts: Vec::new(),
    };
    for waiter in logs {
        let mut logs = waiter.await.map_err(fault)?;
        // What a node marks as removed belongs to a branch that is gone; the headers tell that too.
        logs.retain(|log| !log.removed);
        answers.logs.push(logs);
    }
    for waiter in headers {
        answers.headers.push(waiter.await.map_err(fault)?);
    }
    if let (Some(waiter), Some((of, _))) = (counts, &questions.counts) {
        // A node that refuses to count is one that does not count.
        answers.counts = waiter.await.ok().and_then(|answer| counted(of, &answer)).unwrap_or_default();
    }
    Ok(answers)
}

/// How many events of `contracts` the receipts of a block hold; `None` where the node does not give receipts of a block.
pub(crate) async fn receipt_logs(rpc: &Rpc, block: B256, contracts: &[Address]) -> Option<usize> {
    #[derive(Debug, Deserialize)]
    struct Receipt {
        logs: Vec<LogAnswer>,
    }
    let asked = rpc.provider.client().request::<_, Vec<Receipt>>("eth_getBlockReceipts", (block,)).await;
    let receipts = asked.ok()?;
    Some(receipts.iter().flat_map(|receipt| &receipt.logs).filter(|log| contracts.contains(&log.address)).count())
}

fn count(batch: &mut BatchRequest<'_>, of: &[Address], at: BlockId) -> TransportResult<Waiter<Bytes>> {
    let arguments = EventCounts::constructorCall { emitters: of.to_vec() }.abi_encode();
    let creation = [EventCounts::BYTECODE.as_ref(), &arguments].concat();
    batch.add_call("eth_call", &(TransactionRequest::default().input(Bytes::from(creation).into()), at))
}

fn counted(of: &[Address], answer: &Bytes) -> Option<Vec<EventCount>> {
    let counts =
        <sol_data::Array<sol_data::Uint<64>>>::abi_decode(answer).ok().filter(|counts| counts.len() == of.len())?;
    let counts =
        of.iter().zip(counts).map(|(&address, count)| Some(EventCount { address, count: i64::try_from(count).ok()? }));
    counts.collect()
}

impl HeaderAnswer {
    pub(crate) fn header(&self) -> Fetched<Header> {
        let number = i64::try_from(self.number.to::<u64>()).ok();
        match number.zip(instant(self.timestamp)) {
            Some((number, time)) => Ok(Header { number, hash: self.hash, parent_hash: self.parent_hash, time }),
            None => inconsistent("a header's number or time is out of range"),
        }
    }

    /// Whether the block may hold a log of one of them; without a bloom any block may.
    pub(crate) fn may_hold_logs_of(&self, contracts: &[Address]) -> bool {
        self.logs_bloom.is_none_or(|bloom| {
            contracts
                .iter()
                .any(|contract| bloom.contains_input(alloy::primitives::BloomInput::Raw(contract.as_slice())))
        })
    }
}

impl LogAnswer {
    pub(crate) fn block_number(&self) -> Option<i64> {
        i64::try_from(self.block_number?.to::<u64>()).ok()
    }

    pub(crate) fn is_of(&self, contracts: &[Address]) -> bool {
        contracts.contains(&self.address)
    }

    pub(crate) fn is_timed(&self) -> bool {
        self.block_timestamp.is_some()
    }

    /// With the time of its block, where the node did not say it in the log.
    pub(crate) fn raw(self, block_time: Option<OffsetDateTime>) -> Fetched<RawLog> {
        let place = || {
            let time = block_time.or_else(|| instant(self.block_timestamp?))?;
            let log_index = i64::try_from(self.log_index?.to::<u64>()).ok()?;
            Some((self.block_number()?, self.block_hash?, time, self.transaction_hash?, log_index))
        };
        let Some((block_number, block_hash, block_time, tx_hash, log_index)) = place() else {
            return inconsistent("a log does not say where it stands");
        };
        let Self { address, topics, data, .. } = self;
        Ok(RawLog { block_number, block_hash, block_time, tx_hash, log_index, address, topics, data })
    }
}

fn instant(seconds: U64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds.to::<u64>()).ok()?).ok()
}

pub(crate) fn inconsistent<T>(what: &str) -> Fetched<T> {
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
        Class::Refused => FetchError::Refused(told),
        Class::Pruned => FetchError::Pruned(told),
        Class::Transient | Class::RateLimited { .. } | Class::Lagging | Class::Garbage => FetchError::Unanswered(told),
    }
}
