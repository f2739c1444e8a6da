//! Loops that decide *when*: which network is charged, how often, and how it is shown to people.
//!
//! Invariant: no rule of billing and no SQL; killed at any instant, nothing is lost or doubled, since every step is
//! `billing_core::charges`'s.

pub mod charge;
pub mod config;
pub mod ledger;
mod metrics;
mod progress;
mod table;
