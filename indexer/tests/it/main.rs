//! The indexer on real chains and a real database.

mod faults;
mod follow;
mod once;
mod process;
mod proxy;
mod reorg;
mod world;
