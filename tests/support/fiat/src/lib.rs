//! Payment providers on this machine: they speak the protocols of the real ones, keep their state in memory, and fail on
//! demand.
//!
//! Invariant: nothing here uses an adapter's code to read or write its protocol, so that a mistake in one is not repeated in
//! the other; what a server holds ends with it.

mod openapi;
pub mod yookassa;

pub use openapi::{Ask, OpenApi};
