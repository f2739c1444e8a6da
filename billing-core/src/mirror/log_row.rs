//! A log as it is stored, and the eight bytes by which it is found again.

use alloy::primitives::{Address, B256};

use super::{Event, RawLog, read::Read};
use crate::subscriptions::SubscriptionEvent;

/// One row of `chain_log`.
pub(super) struct LogRow<'a> {
    pub(super) log: &'a RawLog,
    pub(super) sequence: i64,
    /// The plan or the subscription it is about.
    pub(super) subject: Option<i64>,
    /// The account whose deposit it changes.
    pub(super) account: Option<i64>,
}

impl<'a> From<(&'a RawLog, &Read)> for LogRow<'a> {
    fn from((log, read): (&'a RawLog, &Read)) -> Self {
        let subject = match &read.event {
            Event::Plan(event) => Some(leading_bytes(event.plan_hash.as_slice())),
            Event::Subscription(SubscriptionEvent { plan_hash, subscriber, .. }) => {
                Some(subscription_subject(plan_hash, subscriber))
            }
            _ => None,
        };
        let account = read.event.deposit().map(|event| leading_bytes(event.account.as_slice()));
        Self { log, sequence: read.sequence, subject, account }
    }
}

/// As `chain_subscription_subject` of the database.
pub(super) fn subscription_subject(plan_hash: &B256, subscriber: &Address) -> i64 {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&plan_hash[..4]);
    bytes[4..].copy_from_slice(&subscriber[..4]);
    i64::from_be_bytes(bytes)
}

/// As `chain_leading_bytes` of the database, of a hash or an address.
pub(super) fn leading_bytes(value: &[u8]) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&value[..8]);
    i64::from_be_bytes(bytes)
}
