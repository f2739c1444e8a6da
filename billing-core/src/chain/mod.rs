//! The chains we talk to: which networks there are, how to reach them, who signs, what we have sent.
//!
//! Invariant: a transaction is written to the database before it is broadcast, and no SQL transaction is open while a
//! node is asked.

mod error;
mod network_repo;
pub mod networks;
mod register;
mod rpc;
mod signer;

pub use error::ChainError;
pub use networks::{Network, Networks, Token};
pub use register::register_network;
pub use rpc::Rpc;
pub use signer::SignerSource;
