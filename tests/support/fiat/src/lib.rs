//! Stands in for fiat providers: emulators that speak their protocols, a provider in memory, and what every adapter promises.

pub mod stripe;
