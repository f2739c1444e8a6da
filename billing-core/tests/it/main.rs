//! Rules and SQL on a real database and real chains.

mod chain_tx;
mod charges;
mod confirm;
mod history;
mod mirror;
mod old_node;
mod recovery;
mod world;
