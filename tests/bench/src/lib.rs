//! What all measurements share: figures with their goals, and the server they are measured on.

#![expect(clippy::float_arithmetic, reason = "figures are what it is about")]

pub mod figures;
pub mod server;
