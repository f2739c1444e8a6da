//! Embedded servers for tests: a database per test, a Redis, an anvil, a chain with the contracts deployed, a chain in
//! memory, and nodes that misbehave.
//!
//! Invariant: everything a test starts is its own, is reached only from this machine, and ends with the test, also
//! when the test process is killed. Only the PostgreSQL server of [`Database`] is shared: one per checkout, owned by
//! `script/pg`.

mod accounts;
mod anvil;
mod chain;
mod cheats;
mod child;
mod cluster;
mod deployment;
mod faulty;
mod http;
mod mocks;
mod networks;
mod postgres;
mod project;
mod redis;
mod simulated;
mod template;

pub use accounts::Role;
pub use anvil::{Anvil, AnvilOptions};
pub use chain::Chain;
pub use child::{Child, command, signal};
pub use cluster::Cluster;
pub use deployment::{Addresses, Deployment};
pub use faulty::{Fault, FaultyNode, Garbage, Lose, Provider, When};
pub use mocks::{compile, mock_code};
pub use networks::networks_toml;
pub use postgres::{Database, server_url};
pub use project::{root, tool};
pub use redis::Redis;
pub use simulated::{Fate, Head, NodeFault, SimulatedChain, SimulatedNode, Standing, Stretch, Traffic};
