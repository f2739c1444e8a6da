//! Stands in for fiat providers: emulators that speak their protocols, a provider in memory, and what every adapter promises.

pub mod contract;
mod fake;
pub mod stripe;

pub use fake::{FakeEvent, FakeProvider};
