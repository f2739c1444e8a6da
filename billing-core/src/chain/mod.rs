//! The chains we talk to: which networks there are, how to reach them, who signs, what we have sent.
//!
//! Invariant: a transaction is written to the database before it is broadcast, and no SQL transaction is open while a
//! node is asked.

mod call;
mod deployment;
mod error;
pub mod fees;
mod network_repo;
pub mod networks;
mod payload;
pub mod permit;
pub mod permit2;
mod register;
mod resolve;
pub mod revert;
mod rpc;
pub mod signature;
mod signer;
pub mod tx;
mod tx_repo;

pub use call::CallRequest;
pub use error::ChainError;
pub use networks::{FinalityTag, Network, Networks, Token};
pub use payload::TxnPayload;
pub use permit::{PermitError, PermitSignature};
pub use register::register_network;
pub use resolve::{Resolved, outcome, receipt, resolve};
pub use rpc::Rpc;
pub use signature::SignatureCheck;
pub use signer::SignerSource;
pub use tx::{ChainTx, submit};
