//! Loops that decide *when*: which network is charged, how often, and how it is shown to people; what the ledger
//! and payments need done while nobody asks.
//!
//! Invariant: no rule of billing and no SQL; killed at any instant, nothing is lost or doubled, since every step is
//! `billing_core::charges`'s, `billing_core::ledger`'s or `billing_core::payments`'s.

pub mod charge;
pub mod config;
mod instant;
mod jobs;
pub mod keeper;
pub mod ledger;
mod metrics;
pub mod payments;
mod progress;
mod report;
mod table;
pub mod worker;
