//! Stretches of a chain from a node, such that everything in one stretch belongs to one branch.
//!
//! Near the head every header is fetched, neighbours are linked by hash, and logs are asked for by block hash: a node
//! that does not know the block answers with an error, not with nothing. Where the chain is final a range is asked for
//! by number, in one batch with the headers of both its ends. In both cases the contracts' own event counts at the last
//! block, asked in the same batch, show what a node left out.

use std::collections::BTreeMap;

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::Address,
    rpc::types::Filter,
};
use billing_core::{
    chain::Rpc,
    mirror::{Blocks, Header, RawLog, Source},
};

use crate::ask::{Answers, FetchError, Fetched, HeaderAnswer, LogAnswer, Questions, ask, inconsistent, receipt_logs};

/// Headers asked for at once.
const HEADERS: usize = 64;

/// Where the chain stands.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// The node's latest block.
    pub(crate) latest: Header,
    answer: HeaderAnswer,
    /// Last block that the chain itself calls final, where the network is asked for it and the node says.
    pub(crate) finalized: Option<i64>,
}

/// The node's latest block, and with a tag the block that it names.
pub(crate) async fn head(rpc: &Rpc, finality: Option<BlockNumberOrTag>) -> Fetched<Head> {
    let tags = [Some(BlockNumberOrTag::Latest), finality].into_iter().flatten().collect();
    let answers = ask(rpc, &Questions { headers: tags, ..Questions::default() }).await?;
    let mut answers = answers.headers.into_iter();
    let Some(answer) = answers.next().flatten() else { return inconsistent("no latest block") };
    let latest = answer.header()?;
    let finalized = answers.next().flatten().map(|answer| answer.header()).transpose()?;
    Ok(Head { latest, answer, finalized: finalized.map(|header| header.number.min(latest.number)) })
}

/// The node's block of that number; `None` when it has none.
pub(crate) async fn header(rpc: &Rpc, number: i64) -> Fetched<Option<Header>> {
    Ok(headers(rpc, &[number]).await?.pop().flatten())
}

/// The node's blocks of these numbers, in their order; `None` for those it does not have.
pub(crate) async fn headers(rpc: &Rpc, numbers: &[i64]) -> Fetched<Vec<Option<Header>>> {
    let answers = header_answers(rpc, numbers).await?;
    answers.iter().map(|answer| answer.as_ref().map(HeaderAnswer::header).transpose()).collect()
}

async fn header_answers(rpc: &Rpc, numbers: &[i64]) -> Fetched<Vec<Option<HeaderAnswer>>> {
    let mut found = Vec::with_capacity(numbers.len());
    for some in numbers.chunks(HEADERS) {
        let headers = some.iter().map(|number| tag(*number)).collect();
        found.extend(ask(rpc, &Questions { headers, ..Questions::default() }).await?.headers);
    }
    Ok(found)
}

/// All blocks from `from` to `to`, each with its header; that of `head` is not asked for again.
pub(crate) async fn near_head(rpc: &Rpc, source: &Source, from: i64, to: i64, head: &Head) -> Fetched<Blocks> {
    let numbers: Vec<i64> = (from..=to).filter(|number| *number != head.latest.number).collect();
    let answers = header_answers(rpc, &numbers).await?;
    let mut headers = Vec::with_capacity(answers.len() + 1);
    for (answer, number) in answers.into_iter().zip(&numbers) {
        let Some(answer) = answer else { return inconsistent(&format!("block {number} is not there")) };
        headers.push(answer);
    }
    if to == head.latest.number {
        headers.push(head.answer.clone());
    }
    by_hash(rpc, source, &headers).await
}

/// The logs of these blocks, the last of which is counted.
async fn by_hash(rpc: &Rpc, source: &Source, answers: &[HeaderAnswer]) -> Fetched<Blocks> {
    let contracts = source.addresses();
    let headers = answers.iter().map(HeaderAnswer::header).collect::<Fetched<Vec<Header>>>()?;
    let Some(last) = headers.last() else { return inconsistent("no header") };
    let logs = headers.iter().map(|header| Filter::new().address(contracts.clone()).at_block_hash(header.hash));
    let mut questions = Questions { logs: logs.collect(), ..Questions::default() };
    questions.counts = Some((contracts.clone(), BlockId::hash(last.hash)));
    let found = counted_or_not(rpc, &mut questions).await?;
    let counted = !found.counts.is_empty();
    let mut raw = Vec::new();
    for ((logs, header), answer) in found.logs.into_iter().zip(&headers).zip(answers) {
        if !counted && logs.is_empty() && answer.may_hold_logs_of(&contracts) {
            none_in_receipts(rpc, header, &contracts).await?;
        }
        for log in asked_for(logs, &contracts)? {
            raw.push(log.raw(Some(header.time))?);
        }
    }
    let blocks = Blocks::new(headers, raw, found.counts)?;
    if counted { Ok(blocks) } else { twice(rpc, source, questions, blocks).await }
}

/// A block whose bloom says that it may hold logs of ours, and whose logs the node says are none.
async fn none_in_receipts(rpc: &Rpc, block: &Header, contracts: &[Address]) -> Fetched<()> {
    match receipt_logs(rpc, block.hash, contracts).await {
        Some(logs) if logs > 0 => inconsistent(&format!("block {} has receipts with logs and no logs", block.number)),
        // No receipts of a block: the second answer has to do.
        _ => Ok(()),
    }
}

/// All blocks from `from` to `to`, which are final; headers of both ends, and of others where a time is needed.
///
/// Without `counting` the contracts' counts are not asked for: where the node is known not to have that state any more.
pub(crate) async fn final_range(rpc: &Rpc, source: &Source, from: i64, to: i64, counting: bool) -> Fetched<Blocks> {
    let contracts = source.addresses();
    let range = Filter::new().from_block(from.unsigned_abs()).to_block(to.unsigned_abs());
    let mut questions = Questions { logs: vec![range.address(contracts.clone())], ..Questions::default() };
    questions.headers = if from == to { vec![tag(to)] } else { vec![tag(from), tag(to)] };
    questions.counts = counting.then(|| (contracts, BlockId::Number(tag(to))));
    let found = counted_or_not(rpc, &mut questions).await?;
    let counted = !found.counts.is_empty();
    let blocks = ranged(rpc, source, found).await?;
    if (blocks.first().number, blocks.last().number) != (from, to) {
        return inconsistent(&format!("blocks {from} to {to} were asked for, others came"));
    }
    if counted { Ok(blocks) } else { twice(rpc, source, questions, blocks).await }
}

/// The counts are left out of the questions where no node has the state for them.
async fn counted_or_not(rpc: &Rpc, questions: &mut Questions) -> Fetched<Answers> {
    match ask(rpc, questions).await {
        Err(FetchError::Pruned(_)) if questions.counts.is_some() => {
            questions.counts = None;
            ask(rpc, questions).await
        }
        answers => answers,
    }
}

/// A node that gives logs of others was not asked, or did not hear.
fn asked_for(logs: Vec<LogAnswer>, contracts: &[Address]) -> Fetched<Vec<LogAnswer>> {
    if logs.iter().all(|log| log.is_of(contracts)) { Ok(logs) } else { inconsistent("logs of others came") }
}

async fn ranged(rpc: &Rpc, source: &Source, found: Answers) -> Fetched<Blocks> {
    let mut headers = BTreeMap::new();
    for answer in found.headers {
        let Some(answer) = answer else { return inconsistent("an end of the range is not there") };
        let header = answer.header()?;
        headers.insert(header.number, header);
    }
    let logs = asked_for(found.logs.into_iter().flatten().collect(), &source.addresses())?;
    // Many nodes put the block's time into each log; of the others the headers are asked.
    let untimed = logs.iter().filter(|log| !log.is_timed()).filter_map(|log| log.block_number());
    let mut numbers: Vec<i64> = untimed.filter(|number| !headers.contains_key(number)).collect();
    numbers.dedup();
    for (answer, number) in self::headers(rpc, &numbers).await?.into_iter().zip(&numbers) {
        let Some(header) = answer else { return inconsistent(&format!("block {number} is not there")) };
        headers.insert(header.number, header);
    }
    let time = |number: Option<i64>| number.and_then(|number| headers.get(&number)).map(|header| header.time);
    let raw = logs.into_iter().map(|log| {
        let time = time(log.block_number());
        log.raw(time)
    });
    let raw = raw.collect::<Fetched<Vec<RawLog>>>()?;
    Ok(Blocks::new(headers.into_values().collect(), raw, found.counts)?)
}

/// Where no node knows any more what the contracts counted, the logs are asked for a second time, of another node where
/// there is one: an answer that lacks one by accident differs from the next.
async fn twice(rpc: &Rpc, source: &Source, mut questions: Questions, blocks: Blocks) -> Fetched<Blocks> {
    (questions.headers, questions.counts) = (Vec::new(), None);
    let turned = rpc.at_least_turned(blocks.last().number.unsigned_abs(), 1);
    let logs = ask(&turned, &questions).await?.logs.into_iter().flatten();
    let mut seen: Vec<_> = logs.map(|log| log.raw(Some(blocks.last().time))).collect::<Fetched<_>>()?;
    seen.sort_unstable_by_key(|log| (log.block_number, log.log_index));
    let same = seen.len() == blocks.logs().len()
        && seen
            .iter()
            .zip(blocks.logs())
            .all(|(one, two)| (one.block_hash, one.log_index) == (two.block_hash, two.log_index));
    if !same {
        let (first, last) = (blocks.first().number, blocks.last().number);
        let chain = source.chain_id;
        return inconsistent(&format!("chain {chain}: two answers for the logs of blocks {first} to {last} differ"));
    }
    Ok(blocks)
}

fn tag(number: i64) -> BlockNumberOrTag {
    BlockNumberOrTag::Number(number.unsigned_abs())
}
