//! Every rule, every SQL statement and the ports of Abono.
//!
//! Invariant: knows no axum, clap, environment or wall clock; `now` is a parameter, signers and providers are passed in.

pub mod catalog;
pub mod chain;
pub mod charges;
pub mod fiat_subscriptions;
pub mod ids;
pub mod ledger;
pub mod log_point;
pub mod mandates;
pub mod marketplace;
pub mod mirror;
pub mod money;
pub mod outbox;
pub mod payments;
pub mod period;
pub mod plans;
pub mod subscriptions;
pub mod views;

/// The database schema, applied by `billing migrate` and by every test database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");
