//! Subscriptions and native deposits, as the chain has them, and what a wallet sends to make and to end one.

pub mod deposit;
pub(crate) mod deposit_repo;
mod error;
pub mod event;
pub mod payload;
pub mod state;
pub(crate) mod state_repo;
pub mod terms;

pub use crate::chain::{PermitSignature, TxnPayload, permit2::Permit2Signature};
pub use deposit::{DepositChange, DepositEvent, DepositState};
pub use error::SubscribeError;
pub use event::{ChargeReceipt, SubscriptionChange, SubscriptionEvent};
pub use payload::{
    Authorization, SubscribeRequest, SubscribeSteps, pause, resume, subscribe, switch, unsubscribe, withdraw_native,
};
pub use state::{SubscriptionState, SubscriptionStatus};
pub use terms::{OwnTerms, Rail};
