//! What is sold: packs of credits, with a price in each currency.

mod pack;
mod repo;

pub use pack::{Pack, PackError, find, list, put};
