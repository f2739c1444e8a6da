//! Stands in for fiat providers: emulators that speak their protocols, keep their state in memory and fail on demand, a provider
//! in memory, and what every adapter promises.
//!
//! Invariant: no emulator uses an adapter's code to read or write its protocol, so that a mistake in one is not repeated in
//! the other; what a server holds ends with it.

pub mod contract;
mod fake;
mod openapi;
pub mod stripe;
pub mod yookassa;

pub use fake::{FakeEvent, FakeProvider};
pub use openapi::{Ask, OpenApi};
