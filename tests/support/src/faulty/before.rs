//! What is done about a question before the good node is asked.

use anyhow::Result;
use serde_json::{Value, json};

use super::{
    Active, Shared,
    call::{Answer, Call, error, hex, quantity},
    fault::Fault,
    view::{self, Below},
};

/// What all questions of one request meet.
pub(super) struct Turn<'a> {
    pub(super) node: &'a Shared,
    pub(super) active: Vec<Active>,
    pub(super) head: u64,
    /// Whether the lagging node behind the balancer takes this request.
    pub(super) lags: bool,
}

impl Turn<'_> {
    /// Changes the question, or answers it.
    pub(super) async fn before(&self, call: &mut Call) -> Result<Option<Answer>> {
        for active in &self.active {
            let answer = self.one(active, call).await?;
            if answer.is_some() {
                call.spoiled = true;
                return Ok(answer);
            }
        }
        Ok(None)
    }

    /// The last block that this request can see.
    pub(super) fn top(&self, active: &Active) -> Option<u64> {
        match active.fault {
            Fault::Lag { blocks } => Some(self.head.saturating_sub(blocks)),
            Fault::Balancer { blocks, when, splits_batches } => {
                let lags = if splits_batches { self.node.is_due(active, when) } else { self.lags };
                lags.then(|| self.head.saturating_sub(blocks))
            }
            _ => None,
        }
    }

    async fn one(&self, active: &Active, call: &mut Call) -> Result<Option<Answer>> {
        let upstream = &self.node.upstream;
        let due = |when| self.node.is_due(active, when);
        Ok(match active.fault {
            Fault::Lag { .. } | Fault::Balancer { .. } => match self.top(active) {
                Some(top) => view::up_to(upstream, call, top).await?,
                None => None,
            },
            Fault::GoesBack { blocks, when } if call.is_latest() || call.method == "eth_blockNumber" => {
                if due(when) {
                    view::up_to(upstream, call, self.head.saturating_sub(blocks)).await?
                } else {
                    None
                }
            }
            Fault::NoLatest { when } if call.is_latest() => due(when).then_some(Ok(Value::Null)),
            Fault::MostBlocks { blocks, provider } => {
                refused_range(call, blocks, self.head).map(|(from, to)| Err(provider.refusal(blocks, from, to).1))
            }
            Fault::PrunedState { keeps } => {
                let below = view::is_state_below(upstream, call, self.head.saturating_sub(keeps)).await?;
                below.then(|| Err(error(-32_000, format!("missing trie node {} (path )", "5f".repeat(32)))))
            }
            Fault::PrunedHistory { keeps } => {
                let bottom = self.head.saturating_sub(keeps);
                let below = matches!(view::logs_below(upstream, call, bottom).await?, Below::All | Below::Some);
                below.then(|| Err(error(4_444, "pruned history unavailable")))
            }
            Fault::PrunedLogs { keeps } => {
                let bottom = self.head.saturating_sub(keeps);
                match view::logs_below(upstream, call, bottom).await? {
                    Below::All => Some(Ok(json!([]))),
                    Below::Some => {
                        call.set_bound("fromBlock", bottom);
                        None
                    }
                    Below::Nothing => None,
                }
            }
            Fault::EmptyCalls if call.method == "eth_call" => Some(Ok(json!("0x"))),
            Fault::WrongChain(id) if call.method == "eth_chainId" => Some(Ok(hex(id))),
            Fault::WrongChain(id) if call.method == "net_version" => Some(Ok(json!(id.to_string()))),
            Fault::ForeignLogs if call.is_logs() => {
                if let Some(filter) = call.params.get_mut(0).and_then(Value::as_object_mut) {
                    filter.remove("address");
                    filter.remove("topics");
                }
                None
            }
            _ => None,
        })
    }
}

/// The range of a question for logs of more than `most` blocks.
pub(super) fn refused_range(call: &Call, most: u64, head: u64) -> Option<(u64, u64)> {
    let filter = call.params.get(0).filter(|filter| call.is_logs() && filter["blockHash"].is_null())?;
    let bound = |name: &str| quantity(&filter[name]).unwrap_or(head);
    let (from, to) = (bound("fromBlock"), bound("toBlock"));
    (to >= from && to - from >= most).then_some((from, to))
}
