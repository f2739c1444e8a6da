//! Histories that the contracts could have written, without a node: blocks of encoded events.

use std::collections::BTreeMap;

use alloy::{
    primitives::{
        Address, B256, LogData, U256,
        aliases::{U40, U96},
        keccak256,
    },
    sol_types::SolEvent,
};
use billing_bindings::{Marketplace as M, PaymentGateway as G, PlanManager as P, SubscriptionManager as S};
use billing_core::{
    ids::ChainId,
    mirror::{Blocks, Header, RawLog, Source},
};
use time::OffsetDateTime;

pub const SOURCE: Source = Source {
    chain_id: ChainId(77),
    plan_manager: Address::repeat_byte(0xaa),
    subscription_manager: Address::repeat_byte(0xbb),
    payment_gateway: Address::repeat_byte(0xdd),
    marketplace: Some(Address::repeat_byte(0xee)),
    header_window: 1_000,
};

const MERCHANT: Address = Address::repeat_byte(0x11);
const TOKEN: Address = Address::repeat_byte(0x22);
const PRICE: u64 = 100;
const PERIOD: u64 = 3_600;
const BLOCK_SECS: u64 = 1_800;
const START: u64 = 1_700_000_000;

#[derive(Clone, Copy, Default)]
struct Slot {
    known: bool,
    active: bool,
    next_charge_at: u64,
    retries: u8,
    paused_at: Option<u64>,
    charge_limit: u16,
}

/// A chain as it grows. Cloned, it forks.
#[derive(Clone, Default)]
pub struct History {
    branch: u8,
    /// Choices of each block but the first.
    grown: Vec<Vec<u8>>,
    blocks: Vec<(Header, Vec<RawLog>)>,
    plan_events: u64,
    manager_events: u64,
    market_events: u64,
    gateway_events: u64,
    /// Units in sales.
    pub sold: u32,
    slots: BTreeMap<(u8, u8), Slot>,
    deposits: BTreeMap<u8, u64>,
}

impl History {
    /// Two plans in the first block: 0 in a token, 1 native.
    pub fn begin() -> Self {
        let mut history = Self::default();
        let created = [0, 1].map(|plan| vec![history.created(plan)]);
        history.push(created.to_vec());
        history
    }

    /// From here on hashes differ from those of the other branch.
    pub fn fork(&self, branch: u8) -> Self {
        Self { branch, ..self.clone() }
    }

    /// As it was at block `height`, grown anew: the counters of a chain are those of its blocks.
    pub fn until(&self, height: i64) -> Self {
        let mut history = Self::begin();
        for choices in &self.grown[..usize::try_from(height - 1).expect("from the first block on")] {
            history.grow(choices);
        }
        history
    }

    /// Number of the last block; the first is 1.
    pub fn height(&self) -> i64 {
        i64::try_from(self.blocks.len()).expect("short")
    }

    /// One more block, with an event per choice.
    pub fn grow(&mut self, choices: &[u8]) {
        self.grown.push(choices.to_vec());
        let transactions = choices.iter().filter_map(|choice| self.choose(*choice)).collect();
        self.push(transactions);
    }

    /// Blocks `from..=to`, with a header each.
    pub fn stretch(&self, from: i64, to: i64) -> Blocks {
        let at = |number: i64| usize::try_from(number).expect("positive");
        let blocks = &self.blocks[at(from) - 1..at(to)];
        let headers = blocks.iter().map(|(header, _)| *header).collect();
        let logs = blocks.iter().flat_map(|(_, logs)| logs.clone()).collect();
        Blocks::new(headers, logs, Vec::new()).expect("a history is consistent")
    }

    fn now(&self) -> u64 {
        START + BLOCK_SECS * (self.blocks.len() as u64 + 1)
    }

    fn push(&mut self, transactions: Vec<Vec<(Address, LogData)>>) {
        let number = self.height() + 1;
        let parent_hash = self.blocks.last().map_or(B256::ZERO, |(header, _)| header.hash);
        let hash = keccak256([&parent_hash[..], &[self.branch], &number.to_be_bytes()].concat());
        let seconds = i64::try_from(self.now()).expect("this century");
        let time = OffsetDateTime::from_unix_timestamp(seconds).expect("this century");
        let events = (0_u8..).zip(transactions);
        let events = events.flat_map(|(place, events)| events.into_iter().map(move |event| (place, event)));
        let logs = (0..).zip(events).map(|(log_index, (place, (address, log)))| RawLog {
            block_number: number,
            block_hash: hash,
            block_time: time,
            tx_hash: keccak256([&hash[..], &[place]].concat()),
            log_index,
            address,
            topics: log.topics().to_vec(),
            data: log.data,
        });
        self.blocks.push((Header { number, hash, parent_hash, time }, logs.collect()));
    }

    fn plan_number(&mut self) -> u64 {
        self.plan_events += 1;
        self.plan_events
    }

    fn number(&mut self) -> u64 {
        self.manager_events += 1;
        self.manager_events
    }

    /// Bits of the choice: what, which plan, which subscriber. `None` where the contract would have reverted.
    fn choose(&mut self, choice: u8) -> Option<Vec<(Address, LogData)>> {
        let (plan, who) = (choice >> 4 & 1, choice >> 5 & 1);
        let slot = self.slots.get(&(plan, who)).copied().unwrap_or_default();
        let ended = !slot.active && slot.paused_at.is_none();
        let one = match choice & 0xf {
            0 | 1 => Some(self.plan_change(plan, choice >> 5)),
            2 | 3 if ended => Some(self.activate(plan, who, slot, 0)),
            4 if ended => {
                let limit = u16::from(choice >> 6) + 1;
                return Some(vec![self.accept(plan, who, limit), self.activate(plan, who, slot, limit)]);
            }
            5..=8 if slot.active && self.now() >= slot.next_charge_at => self.charge(plan, who, slot),
            9 if slot.active => Some(self.fail(plan, who, slot)),
            10 => self.pause_or_resume(plan, who, slot),
            11 if slot.active => Some(self.cancel(plan, who, slot)),
            12 => Some(self.skip(plan, who)),
            13 => Some(self.deposit(who, 250)),
            14 => Some(self.trade(who, choice >> 6)),
            15 => self.withdraw(who),
            _ => None,
        };
        one.map(|event| vec![event])
    }

    fn created(&mut self, plan: u8) -> (Address, LogData) {
        let event = P::PlanCreated {
            planHash: plan_hash(plan),
            merchant: MERCHANT,
            token: token(plan),
            price: U96::from(PRICE),
            period: u32::try_from(PERIOD).expect("an hour"),
            trial: 0,
            maxFeeBps: 500,
            sequence: self.plan_number(),
            uri: "https://example.org".to_owned(),
        };
        (SOURCE.plan_manager, event.encode_log_data())
    }

    fn plan_change(&mut self, plan: u8, variant: u8) -> (Address, LogData) {
        let (hash, sequence) = (plan_hash(plan), self.plan_number());
        let log = match variant & 3 {
            0 => P::PlanStatusChanged { planHash: hash, merchant: MERCHANT, status: 2, sequence }.encode_log_data(),
            1 => P::PlanFrozenToggled { planHash: hash, operator: MERCHANT, frozen: sequence % 2 == 0, sequence }
                .encode_log_data(),
            2 => P::PlanUriUpdated { planHash: hash, uri: format!("uri {sequence}"), sequence }.encode_log_data(),
            _ => P::PlanOwnershipTransferred {
                planHash: hash,
                previousMerchant: MERCHANT,
                merchant: Address::repeat_byte(0x33),
                sequence,
            }
            .encode_log_data(),
        };
        (SOURCE.plan_manager, log)
    }

    fn accept(&mut self, plan: u8, who: u8, charge_limit: u16) -> (Address, LogData) {
        let event = S::MandateAccepted {
            planHash: plan_hash(plan),
            subscriber: subscriber(who),
            rail: 1,
            paymentToken: TOKEN,
            maxAmount: U96::from(PRICE),
            chargeLimit: charge_limit,
            sequence: self.number(),
        };
        (SOURCE.subscription_manager, event.encode_log_data())
    }

    fn pause_or_resume(&mut self, plan: u8, who: u8, slot: Slot) -> Option<(Address, LogData)> {
        let (now, hash, subscriber) = (self.now(), plan_hash(plan), subscriber(who));
        let log = match slot.paused_at {
            None if slot.active => {
                self.slots.insert((plan, who), Slot { active: false, paused_at: Some(now), ..slot });
                let (paused_at, sequence) = (U40::from(now), self.number());
                S::SubscriptionPaused { planHash: hash, subscriber, pausedAt: paused_at, sequence }.encode_log_data()
            }
            None => return None,
            Some(paused_at) => {
                let moved = if slot.next_charge_at > paused_at { now - paused_at } else { 0 };
                let next = slot.next_charge_at + moved;
                self.slots.insert((plan, who), Slot { active: true, paused_at: None, next_charge_at: next, ..slot });
                let (next, sequence) = (U40::from(next), self.number());
                S::SubscriptionResumed { planHash: hash, subscriber, nextChargeAt: next, sequence }.encode_log_data()
            }
        };
        Some((SOURCE.subscription_manager, log))
    }

    fn activate(&mut self, plan: u8, who: u8, slot: Slot, charge_limit: u16) -> (Address, LogData) {
        let now = self.now();
        let next_charge_at = slot.next_charge_at.max(now);
        let new = Slot { known: true, active: true, next_charge_at, retries: 0, paused_at: None, charge_limit };
        self.slots.insert((plan, who), new);
        let event = S::SubscriptionActivated {
            planHash: plan_hash(plan),
            subscriber: subscriber(who),
            merchant: MERCHANT,
            startedAt: U40::from(now),
            nextChargeAt: U40::from(next_charge_at),
            endsAt: U40::ZERO,
            sequence: self.number(),
        };
        (SOURCE.subscription_manager, event.encode_log_data())
    }

    fn charge(&mut self, plan: u8, who: u8, slot: Slot) -> Option<(Address, LogData)> {
        if plan == 1 {
            let deposit = self.deposits.entry(who).or_default();
            *deposit = deposit.checked_sub(PRICE)?;
        }
        let start = slot.next_charge_at + (self.now() - slot.next_charge_at) / PERIOD * PERIOD;
        self.slots.insert((plan, who), Slot { next_charge_at: start + PERIOD, retries: 0, ..slot });
        let word = |value: u64, shift: usize| U256::from(value) << shift;
        let event = S::SubscriptionCharged {
            planHash: plan_hash(plan),
            subscriber: subscriber(who),
            receipt: word(self.number(), 192) | word(start, 144) | word(start + PERIOD, 96) | word(PRICE, 0),
            settlement: U256::from_be_slice(MERCHANT.as_slice()) << 96 | word(5, 0),
            token: token(plan),
        };
        Some((SOURCE.subscription_manager, event.encode_log_data()))
    }

    fn fail(&mut self, plan: u8, who: u8, slot: Slot) -> (Address, LogData) {
        let (hash, subscriber, sequence) = (plan_hash(plan), subscriber(who), self.number());
        let retries = slot.retries + 1;
        let log = if retries == 3 {
            self.slots.insert((plan, who), Slot { active: false, retries: 0, ..slot });
            S::SubscriptionFailedFinal { planHash: hash, subscriber, reason: 3, sequence }.encode_log_data()
        } else {
            self.slots.insert((plan, who), Slot { retries, ..slot });
            let retry_at = U40::from(self.now() + 86_400);
            S::SubscriptionRetryScheduled {
                planHash: hash,
                subscriber,
                reason: 5,
                retryAt: retry_at,
                retries,
                sequence,
            }
            .encode_log_data()
        };
        (SOURCE.subscription_manager, log)
    }

    fn cancel(&mut self, plan: u8, who: u8, slot: Slot) -> (Address, LogData) {
        self.slots.insert((plan, who), Slot { active: false, retries: 0, ..slot });
        let event = S::SubscriptionCancelled {
            planHash: plan_hash(plan),
            subscriber: subscriber(who),
            reason: 1,
            paidUntil: U40::from(slot.next_charge_at),
            sequence: self.number(),
        };
        (SOURCE.subscription_manager, event.encode_log_data())
    }

    fn skip(&mut self, plan: u8, who: u8) -> (Address, LogData) {
        let event = S::ChargeSkipped {
            planHash: plan_hash(plan),
            subscriber: subscriber(who),
            reason: 2,
            sequence: self.number(),
        };
        (SOURCE.subscription_manager, event.encode_log_data())
    }

    fn trade(&mut self, who: u8, variant: u8) -> (Address, LogData) {
        let marketplace = SOURCE.marketplace.expect("one");
        if variant == 3 {
            self.gateway_events += 1;
            let fee = G::FeeUpdated { feeBps: 1, feeReceiver: MERCHANT, sequence: self.gateway_events };
            return (SOURCE.payment_gateway, fee.encode_log_data());
        }
        self.market_events += 1;
        let (seller, sequence) = (MERCHANT, self.market_events);
        let word = |value: u64, shift: usize| U256::from(value) << shift;
        let log = match variant {
            0 => {
                self.sold += 2;
                M::MarketplaceSale {
                    listingHash: plan_hash(who),
                    seller,
                    buyer: subscriber(who),
                    sku: B256::repeat_byte(who),
                    order: word(sequence, 192) | word(2, 160),
                    receipt: word(1, 96) | word(PRICE, 0),
                    settlement: word(1, 96) | word(1, 0),
                }
                .encode_log_data()
            }
            1 => M::ListingRevoked { seller, salt: U256::from(sequence), sequence }.encode_log_data(),
            _ => M::SkuRevoked { seller, sku: B256::repeat_byte(who), minSalt: U256::from(sequence), sequence }
                .encode_log_data(),
        };
        (marketplace, log)
    }

    fn deposit(&mut self, who: u8, amount: u64) -> (Address, LogData) {
        let balance = self.deposits.entry(who).or_default();
        *balance += amount;
        let balance = U256::from(*balance);
        let (account, amount, sequence) = (subscriber(who), U256::from(amount), self.number());
        (
            SOURCE.subscription_manager,
            S::NativeDepositIncreased { account, amount, balance, sequence }.encode_log_data(),
        )
    }

    fn withdraw(&mut self, who: u8) -> Option<(Address, LogData)> {
        let balance = self.deposits.get_mut(&who)?;
        *balance = balance.checked_sub(1)?;
        let balance = U256::from(*balance);
        let (account, amount, sequence) = (subscriber(who), U256::ONE, self.number());
        let event = S::NativeDepositWithdrawn { account, receiver: MERCHANT, amount, balance, sequence };
        Some((SOURCE.subscription_manager, event.encode_log_data()))
    }

    /// What the contracts would answer: whether active, next charge, charge limit, by plan and subscriber; deposits by
    /// subscriber.
    pub fn expected(&self) -> (Vec<(bool, i64, i32)>, Vec<u64>) {
        let slots = self.slots.values().filter(|slot| slot.known);
        let seconds = |slot: &Slot| i64::try_from(slot.next_charge_at).expect("this century");
        let slots = slots.map(|slot| (slot.active, seconds(slot), i32::from(slot.charge_limit)));
        (slots.collect(), self.deposits.values().copied().collect())
    }
}

fn plan_hash(plan: u8) -> B256 {
    B256::repeat_byte(0xc0 + plan)
}

fn subscriber(who: u8) -> Address {
    Address::repeat_byte(0x50 + who)
}

fn token(plan: u8) -> Address {
    if plan == 0 { TOKEN } else { Address::ZERO }
}
