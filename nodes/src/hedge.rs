//! A second question when the first takes long: to another node, or where there is none to the same one, for a question may
//! be lost on a connection that only looks alive.

use std::{pin::pin, time::Duration};

use alloy::rpc::json_rpc::RequestPacket;
use futures::future::{Either, select};

use crate::{ask::Outcome, class::Class, method::Kind, node::Node, policy::has_block, pool::Inner};

/// Before a node that is alone is asked again: it may be at work on the first question.
const ALONE: Duration = Duration::from_secs(1);

/// Asks `pool.nodes[first]`; after a multiple of its usual time a second time. The first good answer wins, and the other
/// question is dropped. Sends are never asked twice at once.
pub(crate) async fn ask(pool: &Inner, first: usize, packet: &RequestPacket, min_head: u64) -> Outcome {
    let node = &pool.nodes[first];
    let kind = Kind::of(packet);
    if kind == Kind::Send {
        return node.ask(packet).await;
    }
    let usual = node.learnt().latency.hedge_after(kind);
    let patience = if pool.nodes.len() == 1 { usual.max(ALONE) } else { usual };
    let primary = pin!(node.ask(packet));
    let primary = match select(primary, pin!(tokio::time::sleep(patience))).await {
        Either::Left((outcome, _)) => return outcome,
        Either::Right(((), primary)) => primary,
    };
    let need = min_head.max(node.learnt().head.unwrap_or(0));
    let secondary = pin!(async {
        let other = second(pool, first, need).await?;
        Some(other.ask(packet).await)
    });
    match select(primary, secondary).await {
        Either::Left((outcome, _)) if is_final(&outcome) => outcome,
        Either::Left((outcome, secondary)) => secondary.await.filter(is_final).unwrap_or(outcome),
        Either::Right((Some(outcome), _)) if is_final(&outcome) => outcome,
        Either::Right((_, primary)) => primary.await,
    }
}

/// Which node is asked the second question; `None` while none may be.
async fn second(pool: &Inner, first: usize, need: u64) -> Option<&Node> {
    if let [alone] = pool.nodes.as_slice() {
        return alone.admit().is_ok().then_some(alone);
    }
    for (index, other) in pool.nodes.iter().enumerate() {
        if index != first && crate::identity::require(pool, other).await.is_ok() && ready(other, need).await {
            return Some(other);
        }
    }
    None
}

async fn ready(node: &Node, need: u64) -> bool {
    node.admit().is_ok() && has_block(node, need).await
}

/// Another node would not do better.
const fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(_) | Err((Class::TooLarge { .. } | Class::Refused, _)))
}
