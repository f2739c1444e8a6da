//! Rules and SQL on a real database and real chains.

mod chain_tx;
mod charges;
mod claim_race;
mod confirm;
mod conversion;
mod feed;
mod fiat_subscriptions;
mod history;
mod ledger;
mod mandates;
mod marketplace;
mod mirror;
mod mirror_storage;
mod payments;
mod recovery;
mod staged;
mod strange_node;
mod wallets;
mod world;
