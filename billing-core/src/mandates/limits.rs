//! What may be sent at our cost, and when to come back. Pure.

use alloy::primitives::U256;
use time::{Duration, OffsetDateTime};

use super::RelayKind;

/// Limits over any 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Relays of one subscriber on one chain, cancellations apart.
    pub per_subscriber: u32,
    /// Cancellations of one subscriber on one chain. They are counted apart and get more room: whoever wants to end a
    /// subscription must not be kept in it because of what else was sent that day. A limit is there all the same,
    /// because each costs us gas, and a wallet can cancel by itself at any time.
    pub cancels_per_subscriber: u32,
    /// Gas of all relays of one network, in wei.
    pub daily_wei: U256,
}

/// Part of the budget that only cancellations may use, in hundredths.
const KEPT_FOR_CANCELS: u8 = 20;
/// Over which the limits count.
pub(super) const WINDOW: Duration = Duration::hours(24);

/// What was sent in the last 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    /// Of this subscriber and this sort (cancellations, or all else).
    pub(super) count: u32,
    /// The oldest of them.
    pub(super) oldest: Option<OffsetDateTime>,
    /// Of the network: paid, or at most to be paid.
    pub(super) wei: U256,
    /// The network's oldest.
    pub(super) network_oldest: Option<OffsetDateTime>,
}

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// Not before this instant; `None` where waiting does not help.
    pub retry_at: Option<OffsetDateTime>,
}

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// So many were sent for this subscriber in 24 hours.
    SubscriberLimit(u32),
    /// The network's budget of 24 hours does not have what this may cost.
    Budget,
    /// Gas costs more than the network's cap.
    GasPrice,
    /// It would use more gas than one relay may.
    TooMuchGas(u64),
    /// Another message with this nonce was sent before.
    NonceUsed,
    /// The subscriber did not sign it.
    Signature,
    /// The contract would refuse it: its typed error.
    Reverts(String),
}

impl RefusalReason {
    /// A refusal that waiting does not change.
    pub(super) const fn for_good(self) -> Refusal {
        Refusal { reason: self, retry_at: None }
    }
}

impl Limits {
    /// Whether a relay that costs at most `cost` wei may be sent at `now`.
    pub(super) fn check(&self, kind: RelayKind, spent: &Spent, cost: U256, now: OffsetDateTime) -> Result<(), Refusal> {
        let after = |oldest: Option<OffsetDateTime>| Some(oldest.unwrap_or(now) + WINDOW);
        let limit = if kind == RelayKind::Cancel { self.cancels_per_subscriber } else { self.per_subscriber };
        if spent.count >= limit {
            return Err(Refusal { reason: RefusalReason::SubscriberLimit(limit), retry_at: after(spent.oldest) });
        }
        let budget = match kind {
            RelayKind::Cancel => self.daily_wei,
            _ => self.daily_wei - self.daily_wei / U256::from(100) * U256::from(KEPT_FOR_CANCELS),
        };
        if spent.wei.saturating_add(cost) > budget {
            return Err(Refusal { reason: RefusalReason::Budget, retry_at: after(spent.network_oldest) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 00:00 UTC);
    const LIMITS: Limits =
        Limits { per_subscriber: 2, cancels_per_subscriber: 5, daily_wei: U256::from_limbs([1_000, 0, 0, 0]) };

    fn spent(count: u32, wei: u64) -> Spent {
        let oldest = Some(NOW - Duration::hours(20));
        Spent { count, oldest, wei: U256::from(wei), network_oldest: Some(NOW - Duration::hours(23)) }
    }

    #[test]
    fn a_subscribers_count_is_refused_until_the_oldest_is_a_day_old() {
        assert_eq!(LIMITS.check(RelayKind::Pause, &spent(1, 0), U256::ONE, NOW), Ok(()));
        let refused = LIMITS.check(RelayKind::Pause, &spent(2, 0), U256::ONE, NOW).expect_err("two are enough");
        assert_eq!(refused.reason, RefusalReason::SubscriberLimit(2));
        assert_eq!(refused.retry_at, Some(NOW + Duration::hours(4)));
    }

    #[test]
    fn a_cancellation_has_room_where_others_have_not() {
        assert!(LIMITS.check(RelayKind::Cancel, &spent(4, 900), U256::from(100), NOW).is_ok());
        let refused = LIMITS.check(RelayKind::Subscribe, &spent(0, 700), U256::from(101), NOW).expect_err("over 80 %");
        assert_eq!(refused, Refusal { reason: RefusalReason::Budget, retry_at: Some(NOW + Duration::hours(1)) });
    }

    proptest! {
        #[test]
        fn what_is_let_through_is_within_the_budget(wei in any::<u64>(), cost in any::<u64>(), budget in any::<u64>()) {
            let limits = Limits { daily_wei: U256::from(budget), ..LIMITS };
            for kind in [RelayKind::Subscribe, RelayKind::Cancel, RelayKind::Pause, RelayKind::Resume] {
                if limits.check(kind, &spent(0, wei), U256::from(cost), NOW).is_ok() {
                    prop_assert!(u128::from(wei) + u128::from(cost) <= u128::from(budget));
                }
            }
        }
    }
}
