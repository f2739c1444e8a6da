//! What happens to subscriptions on a chain.

use alloy::primitives::{Address, B256};
use time::OffsetDateTime;

use super::terms::OwnTerms;
use crate::{
    ids::{ChainId, SubscriptionKey},
    money::TokenAmount,
};

/// Something that happened to one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEvent {
    /// The plan.
    pub plan_hash: B256,
    /// Who pays.
    pub subscriber: Address,
    /// What happened.
    pub change: SubscriptionChange,
}

impl SubscriptionEvent {
    /// The subscription on `chain_id`.
    #[must_use]
    pub const fn key(&self, chain_id: ChainId) -> SubscriptionKey {
        SubscriptionKey { chain_id, plan_hash: self.plan_hash, subscriber: self.subscriber }
    }
}

/// What can happen to a subscription. Reasons are numbers of the contract's enums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// Subscribed, or again after an end. A first charge follows as `Charged`.
    Activated {
        /// Who is paid.
        merchant: Address,
        /// Block time.
        started_at: OffsetDateTime,
        /// End of the paid or trial time, the first period already counted.
        next_charge_at: OffsetDateTime,
        /// The subscriber's own limit.
        ends_at: Option<OffsetDateTime>,
    },
    /// One period was paid.
    Charged(ChargeReceipt),
    /// A try failed; another one follows.
    RetryScheduled {
        /// `Reason`.
        reason: u8,
        /// No try before it.
        retry_at: OffsetDateTime,
        /// Failed tries of this period.
        retries: u8,
    },
    /// The last try failed.
    Failed {
        /// `Reason`.
        reason: u8,
    },
    /// Ended by subscriber, operator or a switch to another plan.
    Canceled {
        /// `CancelReason`.
        reason: u8,
        /// End of the time that is paid and stays here.
        paid_until: OffsetDateTime,
    },
    /// A batch left it as it was; nothing changes.
    Skipped {
        /// `Reason`.
        reason: u8,
    },
    /// The subscriber set terms of its own; the activation that takes them follows in the same transaction.
    Accepted(OwnTerms),
    /// No charges until it is resumed.
    Paused {
        /// Block time.
        paused_at: OffsetDateTime,
    },
    /// Charged again.
    Resumed {
        /// End of the paid time, moved by the pause.
        next_charge_at: OffsetDateTime,
    },
    /// Paid time of another plan became time of this one; nothing changes, cancellation and activation stand apart.
    SwitchedFrom {
        /// The plan left.
        from_plan: B256,
        /// Seconds of it that were paid and not used.
        unused_secs: i64,
        /// Seconds of this plan that they became.
        credited_secs: i64,
    },
    /// The operator began it for time paid elsewhere; nothing changes, the activation follows.
    ManuallyActivated {
        /// Who.
        operator: Address,
        /// End of the time paid elsewhere.
        paid_until: OffsetDateTime,
    },
}

/// What `SubscriptionCharged` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeReceipt {
    /// First second of the period paid.
    pub period_start: OffsetDateTime,
    /// First second after it.
    pub period_end: OffsetDateTime,
    /// What the subscriber paid.
    pub gross: TokenAmount,
    /// What of it went to the fee receiver.
    pub fee: TokenAmount,
    /// Zero for the native coin, taken from the subscriber's deposit.
    pub token: Address,
    /// Who got the rest.
    pub merchant: Address,
}
