//! The indexer on real chains and a real database.

mod follow;
mod once;
mod process;
mod reorg;
mod world;
