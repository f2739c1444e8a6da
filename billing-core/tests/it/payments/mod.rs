//! Payments through a provider in memory, on a real database.

mod dispute;
mod fallback;
mod histories;
mod history;
mod money;
mod reconcile;
pub mod shop;
mod webhooks;

use shop::Shop;
