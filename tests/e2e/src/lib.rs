//! The whole of Abono at once: real chains, a real database, the real programs. The demo and the end-to-end tests are
//! written with it; nobody else imports it.

mod client;
pub mod drill;
mod shop;
mod stack;
mod wallet;

pub use client::Client;
pub use shop::{Shop, waiting_transactions};
pub use stack::{Stack, StackOptions, program};
pub use wallet::Wallet;
