//! The indexer on real chains and a real database.

mod content;
mod fault_table;
mod faults;
mod follow;
mod halt;
mod histories;
mod lease;
mod market;
mod once;
mod process;
mod reorg;
mod simulation;
mod verify;
mod world;
