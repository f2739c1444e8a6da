//! What the embedded servers promise.

mod anvil;
mod chain;
mod child;
mod cluster;
mod faulty;
mod postgres;
mod redis;
mod simulated;
