//! The chain's view of a subscription: a fold of its events.
//!
//! Invariant: the fold is pure, so the same logs give the same state whenever they are folded.

use alloy::primitives::B256;
use time::OffsetDateTime;

use super::{
    event::{ChargeReceipt, SubscriptionChange, SubscriptionEvent},
    terms::OwnTerms,
};
use crate::{ids::SubscriptionKey, log_point::LogPoint};

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
    /// Block time of the pause, while paused.
    pub paused_at: Option<OffsetDateTime>,
    /// Periods paid so far.
    pub charge_count: i32,
    /// Failed tries of the current period.
    pub retries: i16,
    /// Number of the contract's `Reason` for the last failed try; `None` once charged.
    pub last_reason: Option<i16>,
    /// What the subscriber set apart from the plan.
    pub terms: Option<OwnTerms>,
    /// Block of its last event.
    pub updated_block: i64,
    /// Time of that block.
    pub updated_at: OffsetDateTime,
}

/// When the charge that `receipt` tells of had become due: `paid_until` is the end of the paid time before it.
///
/// A first charge comes after the activation that already counts it, so its due time is the start of the period.
#[must_use]
pub fn due_at(paid_until: Option<OffsetDateTime>, receipt: &ChargeReceipt) -> OffsetDateTime {
    paid_until.map_or(receipt.period_start, |paid_until| paid_until.min(receipt.period_start))
}

/// A subscription while its events are folded.
///
/// Terms that were accepted wait for the activation of the same transaction. Stretches end with a block, so what waits
/// is never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// As it stands; `None` when there was none yet.
    pub state: Option<SubscriptionState>,
    accepted: Option<(B256, OwnTerms)>,
}

impl Slot {
    /// A stored one.
    #[must_use]
    pub const fn of(state: SubscriptionState) -> Self {
        Self { state: Some(state), accepted: None }
    }

    /// Folds `event`, which must be the next one of this subscription.
    pub fn fold(&mut self, event: &SubscriptionEvent, at: LogPoint) {
        if let SubscriptionChange::Accepted(terms) = &event.change {
            self.accepted = Some((at.tx_hash, *terms));
            return;
        }
        let activated = matches!(event.change, SubscriptionChange::Activated { .. });
        let accepted = if activated { self.accepted.take() } else { None };
        let terms = accepted.filter(|(tx_hash, _)| *tx_hash == at.tx_hash).map(|(_, terms)| terms);
        self.state = fold(self.state.take(), event, terms, at);
    }
}

/// State after `event`; `terms` are those that an activation takes.
///
/// `None` stays `None` until `Activated`: a batch may name whoever never subscribed, and is told so by `Skipped`.
fn fold(
    state: Option<SubscriptionState>,
    event: &SubscriptionEvent,
    terms: Option<OwnTerms>,
    at: LogPoint,
) -> Option<SubscriptionState> {
    let mut next = match (&event.change, state) {
        (
            SubscriptionChange::Skipped { .. }
            | SubscriptionChange::Accepted(_)
            | SubscriptionChange::SwitchedFrom { .. }
            | SubscriptionChange::ManuallyActivated { .. },
            unchanged,
        ) => return unchanged,
        (SubscriptionChange::Activated { started_at, next_charge_at, ends_at, .. }, prior) => SubscriptionState {
            key: event.key(at.chain_id),
            status: SubscriptionStatus::Active,
            started_at: *started_at,
            next_charge_at: *next_charge_at,
            retry_at: None,
            ends_at: *ends_at,
            last_charged_at: prior.as_ref().and_then(|prior| prior.last_charged_at),
            canceled_at: None,
            paused_at: None,
            charge_count: prior.map_or(0, |prior| prior.charge_count),
            retries: 0,
            last_reason: None,
            terms,
            updated_block: at.block_number,
            updated_at: at.block_time,
        },
        (_, prior) => prior?,
    };
    match &event.change {
        SubscriptionChange::Activated { .. }
        | SubscriptionChange::Skipped { .. }
        | SubscriptionChange::Accepted(_)
        | SubscriptionChange::SwitchedFrom { .. }
        | SubscriptionChange::ManuallyActivated { .. } => {}
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
        SubscriptionChange::Canceled { paid_until, .. } => {
            next.status = SubscriptionStatus::Canceled;
            next.canceled_at = Some(at.block_time);
            next.paused_at = None;
            next.next_charge_at = *paid_until;
            (next.retry_at, next.retries) = (None, 0);
        }
        SubscriptionChange::Paused { paused_at } => {
            next.status = SubscriptionStatus::Paused;
            next.paused_at = Some(*paused_at);
        }
        SubscriptionChange::Resumed { next_charge_at } => {
            next.status = SubscriptionStatus::Active;
            next.paused_at = None;
            next.next_charge_at = *next_charge_at;
        }
    }
    next.updated_block = at.block_number;
    next.updated_at = at.block_time;
    Some(next)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use proptest::prelude::*;
    use time::Duration;

    use super::{super::terms::Rail, *};
    use crate::{ids::ChainId, money::TokenAmount};

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
        let mut slot = Slot::default();
        for event in events {
            slot.fold(event, AT);
        }
        slot.state
    }

    #[test]
    fn a_first_charge_was_due_at_the_start_of_its_period() {
        let state = after(&[activated(day(1))]);
        assert_eq!(due_at(state.map(|state| state.next_charge_at), &receipt(0)), day(0));
    }

    #[test]
    fn a_charge_after_missed_periods_was_due_at_the_end_of_the_paid_time() {
        let state = after(&[activated(day(1))]);
        assert_eq!(due_at(state.map(|state| state.next_charge_at), &receipt(4)), day(1));
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

    fn accepted(limit: i32) -> SubscriptionEvent {
        event(SubscriptionChange::Accepted(terms(limit)))
    }

    fn terms(limit: i32) -> OwnTerms {
        let (rail, payment_token) = (Rail::Permit2, Address::repeat_byte(9));
        OwnTerms { rail, payment_token, max_amount: TokenAmount(U256::from(7)), charge_limit: Some(limit) }
    }

    #[test]
    fn an_activation_takes_the_terms_accepted_before_it_and_one_without_clears_them() {
        let bound = after(&[accepted(3), activated(day(1))]).expect("active");
        assert_eq!(bound.terms, Some(terms(3)));
        let canceled = event(SubscriptionChange::Canceled { reason: 1, paid_until: day(1) });
        let plain = after(&[accepted(3), activated(day(1)), canceled, activated(day(2))]).expect("active");
        assert_eq!(plain.terms, None);
    }

    #[test]
    fn terms_of_another_transaction_are_not_taken() {
        let mut slot = Slot::default();
        slot.fold(&accepted(3), LogPoint { tx_hash: B256::repeat_byte(1), ..AT });
        slot.fold(&activated(day(1)), AT);
        assert_eq!(slot.state.expect("active").terms, None);
    }

    #[test]
    fn a_pause_stops_charges_and_its_end_moves_the_paid_time() {
        let paused = event(SubscriptionChange::Paused { paused_at: day(1) });
        let state = after(&[activated(day(2)), paused.clone()]).expect("paused");
        assert_eq!((state.status, state.paused_at), (SubscriptionStatus::Paused, Some(day(1))));
        let resumed = event(SubscriptionChange::Resumed { next_charge_at: day(9) });
        let state = after(&[activated(day(2)), paused, resumed]).expect("active");
        assert_eq!((state.status, state.paused_at), (SubscriptionStatus::Active, None));
        assert_eq!(state.next_charge_at, day(9));
    }

    #[test]
    fn what_a_switch_leaves_is_paid_until_the_switch() {
        let switched = event(SubscriptionChange::Canceled { reason: 3, paid_until: day(1) });
        let left = after(&[activated(day(5)), switched]).expect("canceled");
        assert_eq!((left.status, left.next_charge_at), (SubscriptionStatus::Canceled, day(1)));
    }

    /// Transactions that the contract could make, one choice each.
    fn transaction(choice: u8) -> Vec<SubscriptionEvent> {
        let limit = i32::from(choice >> 4) + 1;
        match choice & 7 {
            0 => vec![activated(day(1))],
            1 => vec![accepted(limit), activated(day(2))],
            2 => vec![event(SubscriptionChange::Canceled { reason: 1, paid_until: day(1) })],
            3 => vec![event(SubscriptionChange::Paused { paused_at: day(1) })],
            4 => vec![event(SubscriptionChange::Resumed { next_charge_at: day(3) })],
            5 => vec![event(SubscriptionChange::Charged(receipt(i64::from(choice))))],
            6 => vec![event(SubscriptionChange::RetryScheduled { reason: 3, retry_at: day(2), retries: 1 })],
            _ => vec![event(SubscriptionChange::SwitchedFrom {
                from_plan: B256::ZERO,
                unused_secs: 1,
                credited_secs: 1,
            })],
        }
    }

    proptest! {
        #[test]
        fn a_stored_state_goes_on_as_if_it_had_never_been_stored(
            choices in prop::collection::vec(any::<u8>(), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let cut = cut.index(choices.len() + 1);
            let (mut whole, mut parts) = (Slot::default(), Slot::default());
            for (number, choice) in choices.iter().enumerate() {
                if number == cut {
                    parts = parts.state.map_or_else(Slot::default, Slot::of);
                }
                let at = LogPoint { tx_hash: B256::with_last_byte(u8::try_from(number).expect("few")), ..AT };
                for event in transaction(*choice) {
                    whole.fold(&event, at);
                    parts.fold(&event, at);
                }
            }
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn terms_are_those_of_the_last_activation(choices in prop::collection::vec(any::<u8>(), 0..40)) {
            let state = after(&choices.iter().flat_map(|choice| transaction(*choice)).collect::<Vec<_>>());
            let last = choices.iter().rev().find(|choice| **choice & 7 <= 1);
            let expected = last.filter(|choice| **choice & 7 == 1).map(|choice| terms(i32::from(*choice >> 4) + 1));
            prop_assert_eq!(state.and_then(|state| state.terms), expected);
        }
    }
}
