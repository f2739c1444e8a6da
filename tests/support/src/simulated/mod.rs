//! A chain in memory with our contracts' events on it, and nodes that answer JSON-RPC for it.
//!
//! Invariant: a chain with the same seed and the same calls is the same chain. The contracts are a model: they number
//! their events and refuse what the real ones refuse, and that is all that a mirror can see of them.

mod account;
mod answer;
mod block;
mod call;
mod chain;
mod contract;
mod deposits;
mod draw;
mod fault;
mod inner;
mod intent;
mod json;
mod market;
mod node;
mod plans;
mod reorg;
mod state;
mod stretch;
mod subscriptions;
mod transaction;
mod view;

pub use chain::{Head, SimulatedChain, Traffic};
pub use fault::NodeFault;
pub use node::SimulatedNode;
pub use reorg::Fate;
pub use stretch::{Standing, Stretch};
