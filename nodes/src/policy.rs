//! Which node is asked, and what is done about an error.

use std::time::Duration;

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{TransportError, TransportErrorKind},
};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    class::Class,
    health, hedge,
    identity::{self, Unfit},
    node::Node,
    pool::Inner,
    seen,
};

/// Asks one node after the other in order of preference, then all again after a pause, until one answers or the pool's
/// patience is over. Refusals and sizes are for the caller, at once. The first of them is `turn` places after the
/// preferred one.
pub(crate) async fn call(
    pool: &Inner,
    packet: &RequestPacket,
    min_head: u64,
    turn: usize,
) -> Result<ResponsePacket, TransportError> {
    let begun = Instant::now();
    let mut pruned = vec![false; pool.nodes.len()];
    let order: Vec<usize> = (0..pool.nodes.len()).map(|place| (place + turn) % pool.nodes.len()).collect();
    for round in 1.. {
        let mut last = Trouble::default();
        for &index in &order {
            let node = &pool.nodes[index];
            if pruned[index] {
                continue;
            }
            if let Err(wait) = node.admit() {
                last.busy(wait);
                continue;
            }
            match identity::require(pool, node).await {
                Ok(()) => {}
                Err(Unfit::Wrong(wrong)) => {
                    last.quarantined(TransportErrorKind::custom(wrong));
                    continue;
                }
                Err(Unfit::Unanswered(error)) => {
                    last.failed(Class::Transient, error);
                    continue;
                }
            }
            if !has_block(node, min_head).await {
                let text = format!("{} does not have block {min_head} yet", node.host);
                last.failed(Class::Lagging, TransportErrorKind::custom_str(&text));
                continue;
            }
            match hedge::ask(pool, index, packet, min_head).await {
                Ok(answer) => return Ok(answer),
                Err((Class::TooLarge { .. } | Class::Refused, error)) => return Err(error),
                Err((class, error)) => {
                    pruned[index] = class == Class::Pruned;
                    last.failed(class, error);
                }
            }
        }
        let Some(pause) = last.pause(round, pool, begun) else { return Err(last.into_error(pool)) };
        tokio::time::sleep(pause).await;
    }
    unreachable!("rounds end by the pool's patience")
}

/// Whether the node is known to have the block, or says so when asked; block 0 stands for any.
pub(crate) async fn has_block(node: &Node, block: u64) -> bool {
    if block == 0 || node.learnt().head.is_some_and(|head| head >= block) {
        return true;
    }
    let head = identity::result(node, "eth_blockNumber", json!([])).await;
    head.is_ok_and(|head| seen::quantity(&head).is_some_and(|head| head >= block))
}

/// Why a round gave no answer.
#[derive(Default)]
struct Trouble {
    error: Option<TransportError>,
    /// A node may answer when it is asked again, soon or within the pool's patience.
    again: Option<Again>,
    /// Until the first of the nodes may be asked that were left alone.
    busy: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Again {
    Soon,
    Patiently,
}

impl Trouble {
    fn busy(&mut self, wait: Duration) {
        self.busy = Some(self.busy.map_or(wait, |busy| busy.min(wait)));
        self.again = self.again.max(Some(Again::Patiently));
    }

    fn quarantined(&mut self, error: TransportError) {
        self.error.get_or_insert(error);
    }

    fn failed(&mut self, class: Class, error: TransportError) {
        self.again = self.again.max(match class {
            Class::Pruned => None,
            Class::Lagging => Some(Again::Soon),
            _ => Some(Again::Patiently),
        });
        self.error = Some(error);
    }

    /// How long until the next round; `None` when there is none.
    fn pause(&self, round: u32, pool: &Inner, begun: Instant) -> Option<Duration> {
        let patience = match self.again? {
            Again::Soon => pool.lag_patience,
            Again::Patiently => pool.patience,
        };
        let pause = health::pause(round).max(if self.error.is_none() { self.busy? } else { Duration::ZERO });
        (begun.elapsed() + pause <= patience).then_some(pause)
    }

    fn into_error(self, pool: &Inner) -> TransportError {
        self.error.unwrap_or_else(|| {
            let hosts = pool.nodes.iter().map(|node| node.host.as_str()).collect::<Vec<_>>().join(", ");
            TransportErrorKind::custom_str(&format!("every node is cooling down: {hosts}"))
        })
    }
}
