//! Stretches of a chain that is nowhere: some thousand subscribers, all charged every day.

use alloy::{
    primitives::{
        Address, B256, LogData, U256,
        aliases::{U40, U96},
        keccak256,
    },
    sol_types::SolEvent,
};
use anyhow::Result;
use billing_bindings::{
    PlanManager::PlanCreated,
    SubscriptionManager::{SubscriptionActivated, SubscriptionCharged},
};
use billing_core::{
    ids::ChainId,
    mirror::{Blocks, Header, RawLog, Source},
};
use time::OffsetDateTime;

/// Events of one stretch, one of each subscription.
pub const STRETCH: u64 = 5_000;
const PLANS: u64 = 4;
/// Events of a transaction, as many as a batch has.
const BATCH: u64 = 500;
/// The first day, in seconds.
const START: u64 = 1_800_000_000;
const DAY: u64 = 86_400;

/// The chain's contracts.
pub const SOURCE: Source = Source {
    chain_id: ChainId(31_337),
    plan_manager: Address::repeat_byte(1),
    subscription_manager: Address::repeat_byte(2),
    payment_gateway: Address::repeat_byte(3),
    marketplace: None,
    header_window: 80,
};

/// One day: two blocks, the second with an event of each subscription. On the first day that is its beginning, and the
/// first block has the plans.
pub fn stretch(day: u64) -> Result<Blocks> {
    let (number, now) = (1 + 2 * day, START + day * DAY);
    let time = OffsetDateTime::from_unix_timestamp(now.try_into()?)?;
    let header = |number: u64| -> Result<Header> {
        let parent_hash = if number == 1 { B256::ZERO } else { hash(number - 1) };
        Ok(Header { number: number.try_into()?, hash: hash(number), parent_hash, time })
    };
    let (first, last) = (header(number)?, header(number + 1)?);
    let log = |block: Header, index: u64, address: Address, event: LogData| RawLog {
        block_number: block.number,
        block_hash: block.hash,
        block_time: time,
        tx_hash: keccak256([block.hash.as_slice(), &(index / BATCH).to_be_bytes()].concat()),
        log_index: index.cast_signed(),
        address,
        topics: event.topics().to_vec(),
        data: event.data,
    };
    let plans = (0..if day == 0 { PLANS } else { 0 }).map(|at| log(first, at, SOURCE.plan_manager, created(at)));
    let events = (0..STRETCH).map(|at| {
        let sequence = day * STRETCH + at + 1;
        let event = if day == 0 { activated(sequence, at, now) } else { charged(sequence, at, now) };
        log(last, at, SOURCE.subscription_manager, event)
    });
    Ok(Blocks::new(vec![first, last], plans.chain(events).collect(), Vec::new())?)
}

fn hash(number: u64) -> B256 {
    keccak256(number.to_be_bytes())
}

fn plan(at: u64) -> B256 {
    keccak256((at % PLANS).to_be_bytes())
}

fn key(subscriber: u64) -> (B256, Address) {
    (plan(subscriber), Address::from_word(keccak256((subscriber + PLANS).to_be_bytes())))
}

fn created(at: u64) -> LogData {
    let event = PlanCreated {
        planHash: plan(at),
        merchant: Address::repeat_byte(5),
        token: Address::repeat_byte(6),
        price: U96::from(10_000_000),
        period: 86_400,
        trial: 0,
        maxFeeBps: 500,
        sequence: at + 1,
        uri: "https://example.org/plan".to_owned(),
    };
    event.encode_log_data()
}

fn activated(sequence: u64, subscriber: u64, now: u64) -> LogData {
    let (plan, subscriber) = key(subscriber);
    let event = SubscriptionActivated {
        planHash: plan,
        subscriber,
        merchant: Address::repeat_byte(5),
        startedAt: U40::from(now),
        nextChargeAt: U40::from(now + DAY),
        endsAt: U40::ZERO,
        sequence,
    };
    event.encode_log_data()
}

fn charged(sequence: u64, subscriber: u64, start: u64) -> LogData {
    let word = |value: u64, shift: usize| U256::from(value) << shift;
    let (plan, subscriber) = key(subscriber);
    let event = SubscriptionCharged {
        planHash: plan,
        subscriber,
        receipt: word(sequence, 192) | word(start, 144) | word(start + DAY, 96) | U256::from(10_000_000),
        settlement: U256::from_be_slice(Address::repeat_byte(5).as_slice()) << 96 | U256::from(250_000),
        token: Address::repeat_byte(6),
    };
    event.encode_log_data()
}
