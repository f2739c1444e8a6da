//! Charges.

pub mod confirm;

pub use confirm::{ConfirmedCharge, confirm, reopen_orphaned, unconfirm_above};
