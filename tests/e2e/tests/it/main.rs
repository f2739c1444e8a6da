//! Whole stories over real chains, a real database and the real programs.

#![allow(missing_docs)]

mod books;
mod charge;
mod crash;
mod deployment;
mod drill;
mod fiat;
mod keeper;
mod market;
mod reorg;
mod settings;
mod start;
mod twice;
mod watch;
