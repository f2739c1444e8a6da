//! Subscriptions and native deposits, as the chain has them.

pub mod deposit;
pub(crate) mod deposit_repo;
pub mod state;
pub(crate) mod state_repo;

pub use deposit::{DepositChange, DepositEvent, DepositState};
pub use state::{SubscriptionChange, SubscriptionEvent, SubscriptionState, SubscriptionStatus};
