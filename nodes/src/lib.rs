//! Several JSON-RPC nodes of one network, as one transport for alloy.
//!
//! A [`Pool`] asks nodes in order of preference and goes on to the next where an error says that another may answer
//! better; what an error says is [`Class`]. A batch goes whole to one node, so that its answers belong together.
//!
//! Invariant: no SQL, no billing; no url in an error, a log or a metric, for it may hold a key: nodes are told by host.

mod ask;
mod bucket;
mod caps;
mod class;
mod health;
mod hedge;
mod identity;
mod latency;
mod limits;
mod method;
mod metrics;
mod node;
mod policy;
mod pool;
mod seen;
mod wire;

#[cfg(test)]
mod tests;

pub use caps::Caps;
pub use class::{Class, class_of, classify};
pub use identity::WrongNode;
pub use limits::AtMost;
pub use node::host;
pub use pool::{Handle, Options, Pool, PoolError};
