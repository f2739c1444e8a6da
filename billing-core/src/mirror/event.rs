//! Raw logs to typed events.

use alloy::{
    primitives::{Address, U256},
    sol_types::{self, SolEventInterface},
};
use billing_bindings::{
    Marketplace::MarketplaceEvents, PaymentGateway::PaymentGatewayEvents, PlanManager::PlanManagerEvents,
    SubscriptionManager::SubscriptionManagerEvents,
};
use time::OffsetDateTime;

use super::{MirrorError, RawLog, Source, gateway_event, market_event};
use crate::{
    marketplace::MarketplaceEvent,
    money::TokenAmount,
    plans::{PlanChange, PlanEvent, PlanStatus},
    subscriptions::{
        ChargeReceipt, DepositChange, DepositEvent, OwnTerms, Rail, SubscriptionChange, SubscriptionEvent,
    },
};

/// What a log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// About a plan.
    Plan(PlanEvent),
    /// About a subscription.
    Subscription(SubscriptionEvent),
    /// About a deposit.
    Deposit(DepositEvent),
    /// About a listing.
    Marketplace(MarketplaceEvent),
    /// About prices; nothing is projected.
    Gateway(gateway_event::GatewayChange),
    /// Nothing that is projected: limits, credits.
    Other,
}

impl Event {
    /// What it means for a deposit: a native charge is taken from the subscriber's.
    #[must_use]
    pub fn deposit(&self) -> Option<DepositEvent> {
        match self {
            Self::Deposit(event) => Some(*event),
            Self::Subscription(SubscriptionEvent {
                subscriber, change: SubscriptionChange::Charged(receipt), ..
            }) if receipt.token.is_zero() => {
                Some(DepositEvent { account: *subscriber, change: DepositChange::Charged(receipt.gross) })
            }
            _ => None,
        }
    }
}

/// Reads a log of one of the source's contracts: its event number among all of that contract, and what it tells.
///
/// # Errors
/// `Undecodable`: an event this version does not know, or fields that cannot be.
pub fn decode(source: &Source, log: &RawLog) -> Result<(i64, Event), MirrorError> {
    let decoded = if log.address == source.plan_manager {
        plan_log(log)
    } else if log.address == source.subscription_manager {
        manager_log(log)
    } else if log.address == source.payment_gateway {
        gateway_log(log)
    } else if source.marketplace == Some(log.address) {
        market_log(log)
    } else {
        Err(Fault("not a contract of ours".to_owned()))
    };
    undecodable(log, decoded)
}

/// Reads a stored log. Its contract was known when it was stored, and no two of our contracts share a numbered event, so
/// that the event tells which one it was.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_stored(log: &RawLog) -> Result<(i64, Event), MirrorError> {
    let of = |selectors: &[[u8; 32]]| log.topics.first().is_some_and(|topic| selectors.contains(&topic.0));
    let decoded = if of(SubscriptionManagerEvents::SELECTORS) {
        manager_log(log)
    } else if of(PlanManagerEvents::SELECTORS) {
        plan_log(log)
    } else if of(MarketplaceEvents::SELECTORS) {
        market_log(log)
    } else {
        gateway_log(log)
    };
    undecodable(log, decoded)
}

type Decoded = Result<(i64, Event), Fault>;

fn plan_log(log: &RawLog) -> Decoded {
    PlanManagerEvents::decode_raw_log(&log.topics, &log.data).map_err(Fault::from).and_then(plan_event)
}

fn manager_log(log: &RawLog) -> Decoded {
    SubscriptionManagerEvents::decode_raw_log(&log.topics, &log.data).map_err(Fault::from).and_then(manager_event)
}

fn gateway_log(log: &RawLog) -> Decoded {
    let event = PaymentGatewayEvents::decode_raw_log(&log.topics, &log.data).map_err(Fault::from);
    event.and_then(gateway_event::gateway_event)
}

fn market_log(log: &RawLog) -> Decoded {
    let event = MarketplaceEvents::decode_raw_log(&log.topics, &log.data).map_err(Fault::from);
    event.and_then(market_event::market_event)
}

fn undecodable(log: &RawLog, decoded: Decoded) -> Result<(i64, Event), MirrorError> {
    decoded.map_err(|Fault(reason)| MirrorError::Undecodable {
        address: log.address,
        block: log.block_number,
        log_index: log.log_index,
        reason,
    })
}

#[derive(Debug)]
pub(super) struct Fault(pub(super) String);

impl From<sol_types::Error> for Fault {
    fn from(error: sol_types::Error) -> Self {
        Self(error.to_string())
    }
}

fn plan_event(event: PlanManagerEvents) -> Result<(i64, Event), Fault> {
    use PlanManagerEvents as E;
    let (sequence, plan_hash, change) = match event {
        E::PlanCreated(e) => {
            let created = PlanChange::Created {
                merchant: e.merchant,
                token: e.token,
                price: TokenAmount(e.price.to()),
                period_secs: e.period,
                trial_secs: e.trial,
                max_fee_bps: e.maxFeeBps,
                uri: without_nul(e.uri),
            };
            (e.sequence, e.planHash, created)
        }
        E::PlanStatusChanged(e) => {
            let status = PlanStatus::from_number(e.status).ok_or_else(|| Fault(format!("plan status {}", e.status)))?;
            (e.sequence, e.planHash, PlanChange::StatusChanged(status))
        }
        E::PlanFrozenToggled(e) => (e.sequence, e.planHash, PlanChange::FrozenToggled(e.frozen)),
        E::PlanUriUpdated(e) => (e.sequence, e.planHash, PlanChange::UriUpdated(without_nul(e.uri))),
        E::PlanOwnershipTransferStarted(e) => (e.sequence, e.planHash, PlanChange::OwnershipOffered(e.newMerchant)),
        E::PlanOwnershipTransferred(e) => (e.sequence, e.planHash, PlanChange::OwnershipTransferred(e.merchant)),
        E::MaxActivePlansUpdated(e) => return Ok((number(e.sequence)?, Event::Other)),
        E::EIP712DomainChanged(_) => return Err(Fault("EIP712DomainChanged has no event number".to_owned())),
    };
    Ok((number(sequence)?, Event::Plan(PlanEvent { plan_hash, change })))
}

fn manager_event(event: SubscriptionManagerEvents) -> Result<(i64, Event), Fault> {
    use SubscriptionManagerEvents as E;
    let deposit = |account, balance| Event::Deposit(DepositEvent { account, change: DepositChange::Became(balance) });
    let (sequence, plan_hash, subscriber, change) = match event {
        E::NativeDepositIncreased(e) => return Ok((number(e.sequence)?, deposit(e.account, e.balance.into()))),
        E::NativeDepositWithdrawn(e) => return Ok((number(e.sequence)?, deposit(e.account, e.balance.into()))),
        E::CreditIncreased(e) => return Ok((number(e.sequence)?, Event::Other)),
        E::CreditClaimed(e) => return Ok((number(e.sequence)?, Event::Other)),
        E::BatchFailed(e) => return Ok((number(e.sequence)?, Event::Other)),
        E::NoncesInvalidated(e) => return Ok((number(e.sequence)?, Event::Other)),
        E::MandateAccepted(e) => {
            let rail = Rail::from_number(e.rail).ok_or_else(|| Fault(format!("rail {}", e.rail)))?;
            let terms = OwnTerms {
                rail,
                payment_token: e.paymentToken,
                max_amount: TokenAmount(e.maxAmount.to()),
                charge_limit: (e.chargeLimit != 0).then_some(i32::from(e.chargeLimit)),
            };
            (e.sequence, e.planHash, e.subscriber, SubscriptionChange::Accepted(terms))
        }
        E::ManualActivation(e) => {
            let (operator, paid_until) = (e.operator, instant(e.paidUntil.to())?);
            (e.sequence, e.planHash, e.subscriber, SubscriptionChange::ManuallyActivated { operator, paid_until })
        }
        E::SubscriptionPaused(e) => {
            let paused_at = instant(e.pausedAt.to())?;
            (e.sequence, e.planHash, e.subscriber, SubscriptionChange::Paused { paused_at })
        }
        E::SubscriptionResumed(e) => {
            let next_charge_at = instant(e.nextChargeAt.to())?;
            (e.sequence, e.planHash, e.subscriber, SubscriptionChange::Resumed { next_charge_at })
        }
        E::SubscriptionSwitched(e) => {
            let switched = SubscriptionChange::SwitchedFrom {
                from_plan: e.fromPlan,
                unused_secs: e.unusedSeconds.to(),
                credited_secs: e.creditedSeconds.to(),
            };
            (e.sequence, e.toPlan, e.subscriber, switched)
        }
        E::SubscriptionActivated(e) => {
            let activated = SubscriptionChange::Activated {
                merchant: e.merchant,
                started_at: instant(e.startedAt.to())?,
                next_charge_at: instant(e.nextChargeAt.to())?,
                ends_at: if e.endsAt.is_zero() { None } else { Some(instant(e.endsAt.to())?) },
            };
            (e.sequence, e.planHash, e.subscriber, activated)
        }
        E::SubscriptionCharged(e) => {
            let (sequence, receipt) = unpack(e.receipt, e.settlement, e.token)?;
            (sequence, e.planHash, e.subscriber, SubscriptionChange::Charged(receipt))
        }
        E::SubscriptionRetryScheduled(e) => {
            let (reason, retry_at, retries) = (e.reason, instant(e.retryAt.to())?, e.retries);
            let scheduled = SubscriptionChange::RetryScheduled { reason, retry_at, retries };
            (e.sequence, e.planHash, e.subscriber, scheduled)
        }
        E::SubscriptionFailedFinal(e) => {
            (e.sequence, e.planHash, e.subscriber, SubscriptionChange::Failed { reason: e.reason })
        }
        E::SubscriptionCancelled(e) => {
            let canceled = SubscriptionChange::Canceled { reason: e.reason, paid_until: instant(e.paidUntil.to())? };
            (e.sequence, e.planHash, e.subscriber, canceled)
        }
        E::ChargeSkipped(e) => (e.sequence, e.planHash, e.subscriber, SubscriptionChange::Skipped { reason: e.reason }),
    };
    Ok((number(sequence)?, Event::Subscription(SubscriptionEvent { plan_hash, subscriber, change })))
}

fn unpack(receipt: U256, settlement: U256, token: Address) -> Result<(u64, ChargeReceipt), Fault> {
    let words = billing_bindings::ChargeReceipt::unpack(receipt, settlement);
    let charge = ChargeReceipt {
        period_start: instant(words.period_start)?,
        period_end: instant(words.period_end)?,
        gross: TokenAmount(words.gross),
        fee: TokenAmount(words.fee),
        token,
        merchant: words.merchant,
    };
    Ok((words.sequence, charge))
}

pub(super) fn number(sequence: u64) -> Result<i64, Fault> {
    i64::try_from(sequence).map_err(|_| Fault(format!("event number {sequence}")))
}

fn instant(seconds: u64) -> Result<OffsetDateTime, Fault> {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| Fault(format!("time {seconds}")))
}

/// PostgreSQL's text holds no NUL; a merchant's URI can.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use alloy::{primitives::B256, sol_types::SolEvent};
    use billing_bindings::SubscriptionManager::SubscriptionCharged;
    use proptest::prelude::*;

    use super::*;
    use crate::ids::ChainId;

    const SOURCE: Source = Source {
        chain_id: ChainId(1),
        plan_manager: Address::repeat_byte(1),
        subscription_manager: Address::repeat_byte(2),
        payment_gateway: Address::repeat_byte(3),
        marketplace: Some(Address::repeat_byte(4)),
        header_window: 1,
    };

    fn log(address: Address, topics: Vec<B256>, data: Vec<u8>) -> RawLog {
        RawLog {
            block_number: 5,
            block_hash: B256::repeat_byte(5),
            block_time: OffsetDateTime::UNIX_EPOCH,
            tx_hash: B256::repeat_byte(6),
            log_index: 3,
            address,
            topics,
            data: data.into(),
        }
    }

    proptest! {
        #[test]
        fn a_packed_charge_is_read_as_it_was_written(
            sequence in 1..=i64::MAX,
            start in 0_u64..250_000_000_000,
            end in 0_u64..250_000_000_000,
            gross in 0..(1_u128 << 96),
            fee in 0..(1_u128 << 96),
            merchant in any::<[u8; 20]>(),
            token in any::<[u8; 20]>(),
        ) {
            let word = |value: u64, shift: usize| U256::from(value) << shift;
            let (merchant, token) = (Address::from(merchant), Address::from(token));
            let event = SubscriptionCharged {
                planHash: B256::repeat_byte(7),
                subscriber: Address::repeat_byte(8),
                receipt: word(sequence.unsigned_abs(), 192) | word(start, 144) | word(end, 96) | U256::from(gross),
                settlement: U256::from_be_slice(merchant.as_slice()) << 96 | U256::from(fee),
                token,
            }
            .encode_log_data();
            let raw = log(SOURCE.subscription_manager, event.topics().to_vec(), event.data.to_vec());

            let (number, decoded) = decode(&SOURCE, &raw).expect("a charge");

            prop_assert_eq!(number, sequence);
            let Event::Subscription(SubscriptionEvent { change: SubscriptionChange::Charged(receipt), .. }) = &decoded
            else { return Err(TestCaseError::fail("not a charge")) };
            let seconds = |seconds: u64| OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).expect("a time");
            prop_assert_eq!(receipt, &ChargeReceipt {
                period_start: seconds(start),
                period_end: seconds(end),
                gross: TokenAmount(U256::from(gross)),
                fee: TokenAmount(U256::from(fee)),
                token,
                merchant,
            });
            prop_assert_eq!(decoded.deposit().is_some(), token.is_zero());
        }

        #[test]
        fn no_log_makes_it_panic(
            contract in 0_usize..4,
            topics in prop::collection::vec(any::<[u8; 32]>(), 0..5),
            data in prop::collection::vec(any::<u8>(), 0..400),
            known in any::<prop::sample::Index>(),
        ) {
            let selectors = [
                PlanManagerEvents::SELECTORS,
                SubscriptionManagerEvents::SELECTORS,
                PaymentGatewayEvents::SELECTORS,
                MarketplaceEvents::SELECTORS,
            ][contract];
            let address = SOURCE.addresses()[contract];
            let mut topics: Vec<B256> = topics.into_iter().map(B256::from).collect();
            if let Some(first) = topics.first_mut() {
                *first = B256::from(selectors[known.index(selectors.len())]);
            }
            drop(decode(&SOURCE, &log(address, topics, data)));
        }
    }

    #[test]
    fn no_event_of_one_contract_is_one_of_another() {
        let all = [
            PlanManagerEvents::SELECTORS,
            SubscriptionManagerEvents::SELECTORS,
            PaymentGatewayEvents::SELECTORS,
            MarketplaceEvents::SELECTORS,
        ];
        let selectors: std::collections::BTreeSet<_> = all.iter().flat_map(|selectors| selectors.iter()).collect();
        assert_eq!(selectors.len(), all.iter().map(|selectors| selectors.len()).sum::<usize>());
    }

    #[test]
    fn an_unknown_event_or_contract_is_told_with_its_place() {
        for address in [SOURCE.plan_manager, Address::repeat_byte(9)] {
            let refused = decode(&SOURCE, &log(address, vec![B256::repeat_byte(1)], Vec::new()));
            assert!(matches!(refused, Err(MirrorError::Undecodable { block: 5, log_index: 3, .. })));
        }
    }
}
