//! Loops that decide *when*: which network is charged, how often, and how it is shown to people; what the ledger needs
//! done while nobody asks.
//!
//! Invariant: no rule of billing and no SQL; killed at any instant, nothing is lost or doubled, since every step is
//! `billing_core::charges`'s or `billing_core::ledger`'s.

pub mod charge;
pub mod config;
pub mod keeper;
pub mod ledger;
mod metrics;
mod progress;
mod table;
