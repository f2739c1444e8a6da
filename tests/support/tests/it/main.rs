//! What the embedded servers promise.

mod anvil;
mod chain;
mod child;
mod postgres;
mod redis;
mod simulated;
