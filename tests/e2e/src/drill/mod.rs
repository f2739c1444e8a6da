//! Clients of the ledger that are there to be killed: what they ask, and what each of them noted down.

mod accounts;
mod asked;
mod client;
mod draw;
mod journal;

pub use accounts::accounts;
pub use asked::{Asked, Step};
pub use client::{Clients, run};
pub use journal::{Entry, Fault, Given, Journal, journals};
