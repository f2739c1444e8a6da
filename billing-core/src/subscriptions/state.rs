//! The chain's view of a subscription: a fold of its events.
//!
//! Invariant: the fold is pure, so the same logs give the same state whenever they are folded.

use alloy::primitives::{Address, B256};
use time::OffsetDateTime;

use crate::{
    ids::{ChainId, SubscriptionKey},
    log_point::LogPoint,
    money::TokenAmount,
};

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionStatus {
    /// Charged when due.
    Active,
    /// By the subscriber; not charged.
    Paused,
    /// Ended by subscriber or operator; paid time stays.
    Canceled,
    /// Ended after the last retry.
    Failed,
}

impl SubscriptionStatus {
    /// The word in the database, in messages and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    /// From the word; `None` for any other.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Canceled, Self::Failed].into_iter().find(|status| status.as_str() == word)
    }

    /// From the number of the contract's `Status`; `None` for "never subscribed" and numbers it does not have.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Active),
            2 => Some(Self::Paused),
            3 => Some(Self::Canceled),
            4 => Some(Self::Failed),
            _ => None,
        }
    }
}

/// A subscription on its chain. All times are chain time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// Plan, chain and subscriber.
    pub key: SubscriptionKey,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// When it last became active.
    pub started_at: OffsetDateTime,
    /// End of the paid time; due at and after it.
    pub next_charge_at: OffsetDateTime,
    /// No charge before it; `None` when the last try did not fail.
    pub retry_at: Option<OffsetDateTime>,
    /// No charge at or after it; `None` for no limit.
    pub ends_at: Option<OffsetDateTime>,
    /// Block time of the last charge.
    pub last_charged_at: Option<OffsetDateTime>,
    /// Block time of the cancellation, while canceled.
    pub canceled_at: Option<OffsetDateTime>,
    /// Periods paid so far.
    pub charge_count: i32,
    /// Failed tries of the current period.
    pub retries: i16,
    /// Number of the contract's `Reason` for the last failed try; `None` once charged.
    pub last_reason: Option<i16>,
    /// Block of its last event.
    pub updated_block: i64,
    /// Time of that block.
    pub updated_at: OffsetDateTime,
}

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
    /// Ended by subscriber or operator.
    Canceled {
        /// `CancelReason`.
        reason: u8,
        /// End of the time that is paid and stays.
        paid_until: OffsetDateTime,
    },
    /// A batch left it as it was; nothing changes.
    Skipped {
        /// `Reason`.
        reason: u8,
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

/// When the charge that `receipt` tells of had become due: `prior` is the state before it.
///
/// A first charge comes after the activation that already counts it, so its due time is the start of the period.
#[must_use]
pub fn due_at(prior: Option<&SubscriptionState>, receipt: &ChargeReceipt) -> OffsetDateTime {
    prior.map_or(receipt.period_start, |state| state.next_charge_at.min(receipt.period_start))
}

/// State after `event`, which must be the next one of this subscription.
///
/// `None` stays `None` until `Activated`: a batch may name whoever never subscribed, and is told so by `Skipped`.
#[must_use]
pub fn fold(state: Option<SubscriptionState>, event: &SubscriptionEvent, at: LogPoint) -> Option<SubscriptionState> {
    let mut next = match (&event.change, state) {
        (SubscriptionChange::Skipped { .. }, unchanged) => return unchanged,
        (SubscriptionChange::Activated { started_at, next_charge_at, ends_at, .. }, prior) => SubscriptionState {
            key: event.key(at.chain_id),
            status: SubscriptionStatus::Active,
            started_at: *started_at,
            next_charge_at: *next_charge_at,
            retry_at: None,
            ends_at: *ends_at,
            last_charged_at: prior.as_ref().and_then(|prior| prior.last_charged_at),
            canceled_at: None,
            charge_count: prior.map_or(0, |prior| prior.charge_count),
            retries: 0,
            last_reason: None,
            updated_block: at.block_number,
            updated_at: at.block_time,
        },
        (_, prior) => prior?,
    };
    match &event.change {
        SubscriptionChange::Activated { .. } | SubscriptionChange::Skipped { .. } => {}
        SubscriptionChange::Charged(receipt) => {
            next.next_charge_at = receipt.period_end;
            next.last_charged_at = Some(at.block_time);
            next.charge_count = next.charge_count.saturating_add(1);
            (next.retry_at, next.retries, next.last_reason) = (None, 0, None);
        }
        SubscriptionChange::RetryScheduled { reason, retry_at, retries } => {
            next.retry_at = Some(*retry_at);
            next.retries = i16::from(*retries);
            next.last_reason = Some(i16::from(*reason));
        }
        SubscriptionChange::Failed { reason } => {
            next.status = SubscriptionStatus::Failed;
            (next.retry_at, next.retries) = (None, 0);
            next.last_reason = Some(i16::from(*reason));
        }
        SubscriptionChange::Canceled { .. } => {
            next.status = SubscriptionStatus::Canceled;
            next.canceled_at = Some(at.block_time);
            (next.retry_at, next.retries) = (None, 0);
        }
    }
    next.updated_block = at.block_number;
    next.updated_at = at.block_time;
    Some(next)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use time::Duration;

    use super::*;

    const AT: LogPoint = LogPoint {
        chain_id: ChainId(1),
        block_number: 9,
        block_hash: B256::ZERO,
        block_time: OffsetDateTime::UNIX_EPOCH,
        tx_hash: B256::ZERO,
        log_index: 0,
    };

    fn day(day: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::days(day)
    }

    fn event(change: SubscriptionChange) -> SubscriptionEvent {
        SubscriptionEvent { plan_hash: B256::repeat_byte(1), subscriber: Address::repeat_byte(2), change }
    }

    fn activated(next_charge_at: OffsetDateTime) -> SubscriptionEvent {
        let (merchant, started_at) = (Address::repeat_byte(3), day(0));
        event(SubscriptionChange::Activated { merchant, started_at, next_charge_at, ends_at: None })
    }

    fn receipt(start: i64) -> ChargeReceipt {
        ChargeReceipt {
            period_start: day(start),
            period_end: day(start + 1),
            gross: TokenAmount(U256::ONE),
            fee: TokenAmount::ZERO,
            token: Address::ZERO,
            merchant: Address::repeat_byte(3),
        }
    }

    fn after(events: &[SubscriptionEvent]) -> Option<SubscriptionState> {
        events.iter().fold(None, |state, event| fold(state, event, AT))
    }

    #[test]
    fn a_first_charge_was_due_at_the_start_of_its_period() {
        let state = after(&[activated(day(1))]);
        assert_eq!(due_at(state.as_ref(), &receipt(0)), day(0));
    }

    #[test]
    fn a_charge_after_missed_periods_was_due_at_the_end_of_the_paid_time() {
        let state = after(&[activated(day(1))]);
        assert_eq!(due_at(state.as_ref(), &receipt(4)), day(1));
    }

    #[test]
    fn a_charge_forgets_failed_tries() {
        let failed = SubscriptionChange::RetryScheduled { reason: 3, retry_at: day(2), retries: 1 };
        let tried = after(&[activated(day(1)), event(failed.clone())]).expect("active");
        assert_eq!((tried.retries, tried.last_reason, tried.retry_at), (1, Some(3), Some(day(2))));

        let charged = event(SubscriptionChange::Charged(receipt(1)));
        let paid = after(&[activated(day(1)), event(failed), charged]).expect("active");
        assert_eq!((paid.retries, paid.last_reason, paid.retry_at), (0, None, None));
        assert_eq!((paid.next_charge_at, paid.charge_count), (day(2), 1));
    }

    #[test]
    fn paid_periods_are_counted_on_after_an_end() {
        let charged = || event(SubscriptionChange::Charged(receipt(0)));
        let canceled = event(SubscriptionChange::Canceled { reason: 1, paid_until: day(1) });
        let ended = after(&[activated(day(1)), charged(), canceled.clone()]).expect("canceled");
        assert_eq!((ended.status, ended.next_charge_at), (SubscriptionStatus::Canceled, day(1)));

        let again = after(&[activated(day(1)), charged(), canceled, activated(day(8)), charged()]).expect("active");
        assert_eq!((again.status, again.charge_count, again.canceled_at), (SubscriptionStatus::Active, 2, None));
    }

    #[test]
    fn whoever_never_subscribed_has_no_subscription() {
        let skipped = event(SubscriptionChange::Skipped { reason: 7 });
        assert_eq!(after(std::slice::from_ref(&skipped)), None);
        assert_eq!(after(&[activated(day(1)), skipped]), after(&[activated(day(1))]));
    }
}
