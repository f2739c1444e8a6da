//! Rules and SQL on a real database and real chains.

mod chain_tx;
mod charges;
mod confirm;
mod conversion;
mod history;
mod mandates;
mod marketplace;
mod mirror;
mod recovery;
mod strange_node;
mod wallets;
mod world;
