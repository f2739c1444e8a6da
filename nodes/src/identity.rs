//! Whether a node serves the chain that is meant.

use std::time::Duration;

use alloy::{
    primitives::B256,
    rpc::json_rpc::{Id, Request, RequestPacket},
    transports::{TransportError, TransportErrorKind},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{class::Class, node::Node, pool::Inner, seen};

/// A node of another chain is asked again after this: people correct urls behind a load balancer, too.
const RECHECK: Duration = Duration::from_secs(60);

/// For the answers that tell a node's chain.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// A node that kept silent is asked again after this, so that callers do not wait for it one after the other.
const SILENT_FOR: Duration = Duration::from_secs(5);

/// What is known of a node's chain.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// Not asked yet.
    Unknown,
    /// Asked, and silent.
    Silent(Instant),
    /// Chain id and genesis block are the network's.
    Right,
    /// They are not: the node is not used.
    Wrong(WrongNode, Instant),
}

/// A node that serves another chain than it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongNode {
    /// Another chain id.
    #[error("{host} serves chain id {found}, not {expected}")]
    ChainId {
        /// Without path and key.
        host: String,
        /// Of the network.
        expected: u64,
        /// Of the node.
        found: u64,
    },
    /// The same chain id with another block 0 than the network's other nodes.
    #[error("{host} has genesis block {found}, the others {expected}")]
    Genesis {
        /// Without path and key.
        host: String,
        /// Of the network.
        expected: B256,
        /// Of the node.
        found: B256,
    },
}

/// Why a node may not be asked.
#[derive(Debug)]
pub(crate) enum Unfit {
    Wrong(WrongNode),
    Unanswered(TransportError),
}

/// Lets a node pass that was seen to be right, and asks one that was not looked at yet.
pub(crate) async fn require(pool: &Inner, node: &Node) -> Result<(), Unfit> {
    let known = node.learnt().identity.clone();
    match known {
        Identity::Right => return Ok(()),
        Identity::Wrong(wrong, since) if since.elapsed() < RECHECK => return Err(Unfit::Wrong(wrong)),
        Identity::Silent(since) if since.elapsed() < SILENT_FOR => return Err(silent()),
        Identity::Wrong(..) | Identity::Silent(_) | Identity::Unknown => {}
    }
    let Ok(looked) = tokio::time::timeout(LOOK_LIMIT, look(pool, node)).await else {
        node.learnt().identity = Identity::Silent(Instant::now());
        return Err(silent());
    };
    let wrong = looked.map_err(Unfit::Unanswered)?;
    let mut learnt = node.learnt();
    match wrong {
        Some(wrong) => {
            tracing::error!(node = node.host, "not used: {wrong}");
            learnt.identity = Identity::Wrong(wrong.clone(), Instant::now());
            Err(Unfit::Wrong(wrong))
        }
        None => {
            learnt.identity = Identity::Right;
            Ok(())
        }
    }
}

fn silent() -> Unfit {
    Unfit::Unanswered(TransportErrorKind::custom_str(&format!("no answer within {LOOK_LIMIT:?}")))
}

async fn look(pool: &Inner, node: &Node) -> Result<Option<WrongNode>, TransportError> {
    let host = || node.host.clone();
    let id = result(node, "eth_chainId", json!([])).await.map_err(|(_, error)| error)?;
    let Some(found) = seen::quantity(&id) else { return Err(TransportErrorKind::custom_str("no chain id")) };
    if found != pool.chain_id {
        return Ok(Some(WrongNode::ChainId { host: host(), expected: pool.chain_id, found }));
    }
    let block = match result(node, "eth_getBlockByNumber", json!(["0x0", false])).await {
        Ok(block) => block,
        // Some nodes keep no old blocks: their chain id has to do.
        Err((Class::Pruned | Class::Lagging | Class::Refused, _)) => Value::Null,
        Err((_, error)) => return Err(error),
    };
    let hash = block.get("hash").and_then(|hash| hash.as_str()?.parse::<B256>().ok());
    let Some(found) = hash else { return Ok(None) };
    let expected = *pool.genesis.get_or_init(|| found);
    Ok((found != expected).then(|| WrongNode::Genesis { host: host(), expected, found }))
}

/// The result of one question that the pool asks for itself.
pub(crate) async fn result(node: &Node, method: &'static str, params: Value) -> Result<Value, (Class, TransportError)> {
    let request = Request::new(method, Id::Number(0), params).serialize();
    let packet = request.map(RequestPacket::Single).map_err(|e| (Class::Refused, TransportError::ser_err(e)))?;
    let answer = node.ask(&packet).await?;
    let text = answer.first_payload().and_then(|payload| payload.as_success()).map_or("null", |text| text.get());
    serde_json::from_str(text).map_err(|error| (Class::Garbage, TransportError::deser_err(error, text)))
}
