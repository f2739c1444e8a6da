//! The API as its callers meet it: a real server, database, chain and Redis.

mod auth;
mod cache;
mod charge;
mod description;
mod events;
mod fiat;
mod listings;
mod plans;
mod problems;
mod random;
mod relays;
mod server;
mod subscriptions;
