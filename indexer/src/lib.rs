//! The indexer: blocks and logs from the nodes into `billing_core::mirror`, one task per network.
//!
//! Invariant: decides what to ask a node and when; what blocks mean, and every SQL statement, is billing-core's.

mod ahead;
mod ask;
mod backfill;
mod backoff;
mod config;
mod fetch;
mod follow;
mod lead;
mod metrics;
mod network;
mod progress;
mod ranges;
mod reindex;
mod reorg;
mod repair;
mod resume;
mod run;
mod start;
mod turns;
mod verify;
mod wake;

pub use config::{Action, Args};
pub use follow::follow;
pub use reindex::reindex;
pub use resume::resume;
pub use run::{Mode, run};
pub use verify::verify;
