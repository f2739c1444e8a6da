//! The whole of Abono at once: real chains, a real database, the real programs. The demo and the end-to-end tests are
//! written with it; nobody else imports it.

mod client;
mod stack;
mod wallet;

pub use client::Client;
pub use stack::{Stack, StackOptions};
pub use wallet::Wallet;
