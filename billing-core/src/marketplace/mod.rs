//! Sales of listings that sellers sign off chain.
//!
//! Invariant: what is stored was signed by its seller; a listing's terms never change, other terms are another hash.

pub mod event;
pub(crate) mod event_repo;

pub use event::{MarketplaceEvent, PlacedEvent, RevocationEvent, Revoked, SaleEvent};
