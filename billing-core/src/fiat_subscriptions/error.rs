use alloy::primitives::B256;
use billing_fiat::Currency;

use crate::{
    ids::{FiatSubscriptionId, PaymentMethodId},
    payments::PaymentError,
    plans::PlanError,
};

/// Why a verb of this room did nothing.
#[derive(Debug, thiserror::Error)]
pub enum FiatSubscriptionError {
    /// Nobody signed it here.
    #[error("there is no plan {0}")]
    NoPlan(B256),
    /// It is not sold for that money.
    #[error("plan {plan_hash} has no price in {}", currency.code())]
    NoPrice {
        /// The plan.
        plan_hash: B256,
        /// In what.
        currency: Currency,
    },
    /// The key was used for something else.
    #[error("this key was used to ask for something else")]
    Differs,
    /// No such subscription.
    #[error("there is no subscription {0}")]
    NotFound(FiatSubscriptionId),
    /// Nothing is charged for it any more, or nothing was paid yet.
    #[error("subscription {0} is not charged")]
    NotCharged(FiatSubscriptionId),
    /// Not its owner's, not its provider's, or ended.
    #[error("there is no method {0} of that owner with that provider")]
    NoMethod(PaymentMethodId),
    /// The first payment's.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// The plan's.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}
