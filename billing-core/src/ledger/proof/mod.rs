//! Proof that the ledger is what was written: a chain of hashes over the transfers, and a comparison of all that is made of them.

mod difference;
mod digest;
mod seal;
mod seal_repo;
mod verify;
mod verify_repo;

pub use difference::Difference;
pub use seal::{Sealed, seal};
pub use verify::{Verified, verify};
