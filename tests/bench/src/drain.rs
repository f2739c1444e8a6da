//! What the node itself can give, and what typed reading of it costs.

use std::{ops::RangeInclusive, time::Instant};

use alloy::{
    primitives::{Address, Bytes},
    rpc::types::Log,
    sol_types::SolEventInterface,
};
use anyhow::Result;
use billing_bindings::{PlanManager::PlanManagerEvents, SubscriptionManager::SubscriptionManagerEvents};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use crate::site::Site;

const IN_FLIGHT: usize = 3;
/// Logs of one answer, about; the best of them is taken for all rounds.
const ANSWERS: [u64; 5] = [250, 500, 1_000, 2_000, 4_000];

#[derive(Deserialize)]
struct Answer {
    result: Vec<Log>,
}

/// The range with which the node gives all logs soonest, in blocks.
pub async fn best_range(site: &Site, blocks: u64, events: u64) -> Result<u64> {
    let mut best = (1, f64::MAX);
    for logs in ANSWERS {
        let (range, start) = ((logs * blocks / events.max(1)).max(1), Instant::now());
        bytes(site, blocks, range).await?;
        let took = start.elapsed().as_secs_f64();
        if took < best.1 {
            best = (range, took);
        }
    }
    Ok(best.0)
}

/// Asks for all logs and reads none; gives the bytes that came.
pub async fn bytes(site: &Site, blocks: u64, range: u64) -> Result<usize> {
    let answers = stream::iter(spans(blocks, range)).map(|span| ask(site, span)).buffered(IN_FLIGHT);
    answers.try_fold(0, |sum, answer| async move { Ok(sum + answer.len()) }).await
}

/// Asks for all logs and decodes each; gives how many there were.
pub async fn decoded(site: &Site, blocks: u64, range: u64) -> Result<usize> {
    let manager = site.manager();
    let decode = |span| async move {
        let answer = ask(site, span).await?;
        // On another thread, so that an answer is read while the next ones come.
        tokio::spawn(async move { decode_all(manager, &answer) }).await?
    };
    let counts: Vec<usize> = stream::iter(spans(blocks, range)).map(decode).buffered(IN_FLIGHT).try_collect().await?;
    Ok(counts.into_iter().sum())
}

async fn ask(site: &Site, span: RangeInclusive<u64>) -> Result<Bytes> {
    let (from, to) = (format!("{:#x}", span.start()), format!("{:#x}", span.end()));
    let filter = json!([{ "fromBlock": from, "toBlock": to, "address": site.sources() }]);
    site.node.bytes("eth_getLogs", filter).await
}

fn decode_all(manager: Address, answer: &[u8]) -> Result<usize> {
    let logs = serde_json::from_slice::<Answer>(answer)?.result;
    for log in &logs {
        let (topics, data) = (log.topics(), &log.data().data);
        // The others emit so little that it does not count.
        if log.address() == manager {
            std::hint::black_box(SubscriptionManagerEvents::decode_raw_log(topics, data)?);
        } else {
            std::hint::black_box(PlanManagerEvents::decode_raw_log(topics, data).ok());
        }
    }
    Ok(logs.len())
}

fn spans(blocks: u64, range: u64) -> impl Iterator<Item = RangeInclusive<u64>> {
    (0..=blocks / range).map(move |at| at * range..=(at * range + range - 1).min(blocks))
}
