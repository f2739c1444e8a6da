//! Plans: terms that a merchant signed once, and where each stands on each chain.

pub mod state;
pub(crate) mod state_repo;

pub use state::{PlanChange, PlanEvent, PlanState, PlanStatus};
