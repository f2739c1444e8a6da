//! Histories of the ledger, and a model of it that knows nothing but a list. Read by the tests of the fold too.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::{AccountId, Action, Amount, Ended, Limited, Movement, Transfer, TransferId};

/// Half of them limited, the last two of another asset.
pub const ACCOUNTS: u8 = 8;

/// A movement as the model remembers it: what is posted of it, and what is held.
#[derive(Clone, Debug)]
struct Entry {
    debit: u8,
    credit: u8,
    posted: u128,
    held: u128,
    partly: bool,
    expires_at: Option<i64>,
    ended: Option<Ended>,
}

/// Sums over a list, each time anew.
#[derive(Clone, Debug, Default)]
pub struct Model {
    entries: BTreeMap<u64, Entry>,
    pub now: i64,
}

impl Model {
    pub fn totals(&self, account: u8) -> [u128; 4] {
        let of = |side: fn(&Entry) -> u8, what: fn(&Entry) -> u128| {
            self.entries.values().filter(|entry| side(entry) == account).map(what).sum::<u128>()
        };
        [
            of(|entry| entry.debit, |entry| entry.held),
            of(|entry| entry.debit, |entry| entry.posted),
            of(|entry| entry.credit, |entry| entry.held),
            of(|entry| entry.credit, |entry| entry.posted),
        ]
    }

    pub fn expire(&mut self) {
        for entry in self.entries.values_mut() {
            if entry.ended.is_none() && entry.held > 0 && entry.expires_at.is_some_and(|at| at <= self.now) {
                (entry.held, entry.ended) = (0, Some(Ended::Expired));
            }
        }
    }

    /// Whether it is allowed; then it is done.
    pub fn step(&mut self, step: &Step) -> bool {
        match *step {
            Step::Move { id, debit, credit, amount, hold, partly, timeout } => {
                let [held, out, _, into] = self.totals(debit);
                let [_, given, waiting, taken] = self.totals(credit);
                let amount = u128::from(amount);
                let allowed = amount > 0
                    && debit != credit
                    && asset(debit) == asset(credit)
                    && (limited(debit) != Some(Limited::Debits) || held + out + amount <= into)
                    && (limited(credit) != Some(Limited::Credits) || waiting + taken + amount <= given);
                if allowed {
                    let (posted, held) = if hold { (0, amount) } else { (amount, 0) };
                    let expires_at = (hold && timeout > 0).then(|| self.now + i64::from(timeout));
                    let entry = Entry { debit, credit, posted, held, partly, expires_at, ended: None };
                    self.entries.insert(id, entry);
                }
                allowed
            }
            Step::Commit { hold, amount, keep_rest, .. } => {
                let Some(entry) = self.entries.get_mut(&hold).filter(|entry| entry.held > 0) else { return false };
                let taken = amount.map_or(entry.held, u128::from);
                let allowed = taken > 0 && taken <= entry.held && (entry.partly || !keep_rest);
                if allowed {
                    entry.posted += taken;
                    entry.held = if keep_rest { entry.held - taken } else { 0 };
                    entry.ended = (entry.held == 0).then_some(Ended::Posted);
                }
                allowed
            }
            Step::Release { hold, .. } => {
                let Some(entry) = self.entries.get_mut(&hold).filter(|entry| entry.held > 0) else { return false };
                (entry.held, entry.ended) = (0, Some(Ended::Voided));
                true
            }
            Step::Wait { .. } => true,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    Move { id: u64, debit: u8, credit: u8, amount: u16, hold: bool, partly: bool, timeout: u8 },
    Commit { id: u64, hold: u64, amount: Option<u16>, keep_rest: bool },
    Release { id: u64, hold: u64 },
    Wait { seconds: u8 },
}

pub const fn asset(account: u8) -> &'static str {
    if account < ACCOUNTS - 2 { "credits" } else { "RUB" }
}

pub const fn limited(account: u8) -> Option<Limited> {
    match account % 4 {
        0 | 1 => Some(Limited::Debits),
        2 => Some(Limited::Credits),
        _ => None,
    }
}

pub const fn account(number: u8) -> AccountId {
    AccountId(Uuid::from_u128(number as u128))
}

pub const fn transfer_id(number: u64) -> TransferId {
    TransferId(Uuid::from_u128(number as u128 | 7 << 76))
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0..120_u64;
    let one = prop_oneof![
        6 => (id.clone(), 0..ACCOUNTS, 0..ACCOUNTS, 0..400_u16, any::<bool>(), any::<bool>(), 0..6_u8).prop_map(
            |(id, debit, credit, amount, hold, partly, timeout)| Step::Move { id, debit, credit, amount, hold, partly, timeout }
        ),
        3 => (id.clone(), id.clone(), prop::option::of(0..300_u16), any::<bool>())
            .prop_map(|(id, hold, amount, keep_rest)| Step::Commit { id: id + 1_000, hold, amount, keep_rest }),
        1 => (id.clone(), id).prop_map(|(id, hold)| Step::Release { id: id + 2_000, hold }),
        1 => (0..4_u8).prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(one, 1..150)
}

pub fn transfer(step: &Step) -> Option<Transfer> {
    let (id, action) = match *step {
        Step::Move { id, debit, credit, amount, hold, partly, timeout } => {
            let movement =
                Movement { debit: account(debit), credit: account(credit), amount: Amount::from(u64::from(amount)) };
            let timeout_secs = (timeout > 0).then(|| timeout.into());
            (id, if hold { Action::Hold { movement, timeout_secs, partly } } else { Action::Post(movement) })
        }
        Step::Commit { id, hold, amount, keep_rest } => {
            let amount = amount.map(|amount| Amount::from(u64::from(amount)));
            (id, Action::Commit { hold: transfer_id(hold), amount, keep_rest })
        }
        Step::Release { id, hold } => (id, Action::Release { hold: transfer_id(hold) }),
        Step::Wait { .. } => return None,
    };
    Some(Transfer { id: transfer_id(id), action, code: "test".to_owned(), reference: None, event_at: None })
}
