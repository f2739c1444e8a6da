//! The indexer on real chains and a real database.

mod faults;
mod follow;
mod halt;
mod lease;
mod market;
mod once;
mod process;
mod proxy;
mod reorg;
mod simulation;
mod world;
