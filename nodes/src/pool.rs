//! The nodes of one network.

use std::{
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use alloy::{
    primitives::B256,
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{TransportError, TransportFut},
};
use futures::future::join_all;
use tower::Service;

use crate::{
    caps::Caps,
    identity::{self, Unfit, WrongNode},
    node::{Node, host},
    policy,
    wire::{Http, Wire},
};

/// How long to wait, and for how much.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// For a connection.
    pub connect_timeout: Duration,
    /// For one answer of one node.
    pub request_timeout: Duration,
    /// No node is asked again later than this after the first was.
    pub patience: Duration,
    /// The same where nodes only lack a block: it may be one that an orphaned branch had.
    pub lag_patience: Duration,
    /// Bytes of an answer at most.
    pub max_body: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(20),
            patience: Duration::from_secs(5),
            lag_patience: Duration::from_secs(1),
            max_body: 128 << 20,
        }
    }
}

/// A pool that cannot be, or of which no node can be used.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// A url that is none.
    #[error("rpc url: {0}")]
    Url(String),
    /// A node serves another chain.
    #[error(transparent)]
    Wrong(#[from] WrongNode),
    /// No node answered.
    #[error("{0}")]
    Unanswered(String),
}

/// The nodes of one network, in order of preference; clones share what is learnt. [`Pool::at_least`] is the transport.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) nodes: Vec<Node>,
    pub(crate) chain_id: u64,
    /// Of the first node that was seen to be right.
    pub(crate) genesis: OnceLock<B256>,
    pub(crate) patience: Duration,
    pub(crate) lag_patience: Duration,
}

/// By hosts: the urls may hold keys.
impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.nodes.iter().map(|node| &node.host)).finish()
    }
}

impl Pool {
    /// A pool of the nodes at `urls`, which should serve `chain_id`. Nothing is asked yet.
    ///
    /// # Errors
    /// `Url`, which does not hold the url.
    pub fn new(urls: &[String], chain_id: u64, options: Options) -> Result<Self, PoolError> {
        let client = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .build()
            .map_err(|error| PoolError::Url(error.without_url().to_string()))?;
        let node = |url: &String| {
            let parsed = url.parse().map_err(|error| PoolError::Url(format!("{error}")))?;
            let (timeout, max_body) = (options.request_timeout, options.max_body);
            Ok((host(url), Box::new(Http { client: client.clone(), url: parsed, timeout, max_body }) as Box<dyn Wire>))
        };
        let nodes = urls.iter().map(node).collect::<Result<Vec<_>, PoolError>>()?;
        Ok(Self::over(nodes, chain_id, options))
    }

    pub(crate) fn over(wires: Vec<(String, Box<dyn Wire>)>, chain_id: u64, options: Options) -> Self {
        let nodes = wires.into_iter().map(|(host, wire)| Node::new(host, wire)).collect();
        let Options { patience, lag_patience, .. } = options;
        Self(Arc::new(Inner { nodes, chain_id, genesis: OnceLock::new(), patience, lag_patience }))
    }

    /// Looks at every node once, side by side, each for `limit` at most. Nodes that do not answer are looked at again
    /// when they are needed.
    ///
    /// # Errors
    /// `Wrong` where one serves another chain; `Unanswered` where none answered.
    pub async fn check(&self, limit: Duration) -> Result<(), PoolError> {
        let looks = self.0.nodes.iter().map(|node| async {
            let found = tokio::time::timeout(limit, identity::require(&self.0, node)).await;
            found.unwrap_or_else(|_| {
                let text = format!("no answer within {limit:?}");
                Err(Unfit::Unanswered(alloy::transports::TransportErrorKind::custom_str(&text)))
            })
        });
        let mut last = None;
        let mut right = 0;
        for found in join_all(looks).await {
            match found {
                Ok(()) => right += 1,
                Err(Unfit::Wrong(wrong)) => return Err(wrong.into()),
                Err(Unfit::Unanswered(error)) => last = Some(error.to_string()),
            }
        }
        if right == 0 { Err(PoolError::Unanswered(last.unwrap_or_default())) } else { Ok(()) }
    }

    /// Hash of block 0, once a node told it.
    #[must_use]
    pub fn genesis_hash(&self) -> Option<B256> {
        self.0.genesis.get().copied()
    }

    /// A transport that asks only nodes which have this block.
    #[must_use]
    pub fn at_least(&self, block: u64) -> Handle {
        Handle { pool: self.clone(), min_head: block, turn: 0 }
    }

    /// What each node takes of blocks at once, by host, in order of preference.
    #[must_use]
    pub fn caps(&self) -> Vec<(String, Caps)> {
        self.0.nodes.iter().map(|node| (node.host.clone(), node.learnt().caps)).collect()
    }
}

/// A pool seen by a caller who needs a certain block: a transport of alloy.
#[derive(Clone, Debug)]
pub struct Handle {
    pool: Pool,
    min_head: u64,
    turn: usize,
}

impl Handle {
    /// The same, beginning with the node that comes so many places after the preferred one, and round again: for a caller
    /// whom an answer did not satisfy, though the node thinks well of it.
    #[must_use]
    pub fn turned(self, turn: usize) -> Self {
        Self { turn, ..self }
    }
}

impl Service<RequestPacket> for Handle {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let (inner, min_head, turn) = (Arc::clone(&self.pool.0), self.min_head, self.turn);
        Box::pin(async move { policy::call(&inner, &packet, min_head, turn).await })
    }
}
