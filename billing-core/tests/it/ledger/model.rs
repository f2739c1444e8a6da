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

/// What was moved by one transfer, and not taken back yet.
#[derive(Clone, Debug)]
struct Moved {
    debit: u8,
    credit: u8,
    left: u128,
    is_reversal: bool,
}

/// Sums over a list, each time anew.
#[derive(Clone, Debug, Default)]
pub struct Model {
    entries: BTreeMap<u64, Entry>,
    moved: BTreeMap<u64, Moved>,
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

    fn allows(&self, debit: u8, credit: u8, amount: u128) -> bool {
        let [held, out, _, into] = self.totals(debit);
        let [_, given, waiting, taken] = self.totals(credit);
        amount > 0
            && debit != credit
            && asset(debit) == asset(credit)
            && (limited(debit) != Some(Limited::Debits) || held + out + amount <= into)
            && (limited(credit) != Some(Limited::Credits) || waiting + taken + amount <= given)
    }

    fn reverse(&mut self, id: u64, of: u64, amount: Option<u16>) -> bool {
        let Some(Moved { debit, credit, left, is_reversal }) = self.moved.get(&of).cloned() else { return false };
        let amount = amount.map_or(left, u128::from);
        let allowed = !is_reversal && amount <= left && self.allows(credit, debit, amount);
        if allowed {
            let (from, to) = (credit, debit);
            let entry = Entry {
                debit: from,
                credit: to,
                posted: amount,
                held: 0,
                partly: false,
                expires_at: None,
                ended: None,
            };
            self.entries.insert(id, entry);
            self.moved.insert(id, Moved { debit: from, credit: to, left: amount, is_reversal: true });
            self.moved.insert(of, Moved { debit, credit, left: left - amount, is_reversal });
        }
        allowed
    }

    /// Whether it is allowed; then it is done.
    pub fn step(&mut self, step: &Step) -> bool {
        match *step {
            Step::Move { id, debit, credit, amount, hold, partly, timeout } => {
                let amount = u128::from(amount);
                let allowed = self.allows(debit, credit, amount);
                if allowed {
                    if !hold {
                        self.moved.insert(id, Moved { debit, credit, left: amount, is_reversal: false });
                    }
                    let (posted, held) = if hold { (0, amount) } else { (amount, 0) };
                    let expires_at = (hold && timeout > 0).then(|| self.now + i64::from(timeout));
                    let entry = Entry { debit, credit, posted, held, partly, expires_at, ended: None };
                    self.entries.insert(id, entry);
                }
                allowed
            }
            Step::Commit { id, hold, amount, keep_rest } => {
                let Some(entry) = self.entries.get_mut(&hold).filter(|entry| entry.held > 0) else { return false };
                let taken = amount.map_or(entry.held, u128::from);
                let allowed = taken > 0 && taken <= entry.held && (entry.partly || !keep_rest);
                if allowed {
                    entry.posted += taken;
                    entry.held = if keep_rest { entry.held - taken } else { 0 };
                    entry.ended = (entry.held == 0).then_some(Ended::Posted);
                    let Entry { debit, credit, .. } = *entry;
                    self.moved.insert(id, Moved { debit, credit, left: taken, is_reversal: false });
                }
                allowed
            }
            Step::Release { hold, .. } => {
                let Some(entry) = self.entries.get_mut(&hold).filter(|entry| entry.held > 0) else { return false };
                (entry.held, entry.ended) = (0, Some(Ended::Voided));
                true
            }
            Step::Reverse { id, of, amount } => self.reverse(id, of, amount),
            Step::Wait { .. } => true,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    Move { id: u64, debit: u8, credit: u8, amount: u16, hold: bool, partly: bool, timeout: u8 },
    Commit { id: u64, hold: u64, amount: Option<u16>, keep_rest: bool },
    Release { id: u64, hold: u64 },
    Reverse { id: u64, of: u64, amount: Option<u16> },
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
        1 => (id.clone(), id.clone()).prop_map(|(id, hold)| Step::Release { id: id + 2_000, hold }),
        2 => (id.clone(), prop_oneof![id.clone(), 1_000..1_120_u64, 3_000..3_120_u64], prop::option::of(0..200_u16))
            .prop_map(|(id, of, amount)| Step::Reverse { id: id + 3_000, of, amount }),
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
        Step::Reverse { id, of, amount } => {
            let amount = amount.map(|amount| Amount::from(u64::from(amount)));
            (id, Action::Reverse { of: transfer_id(of), amount })
        }
        Step::Wait { .. } => return None,
    };
    Some(Transfer { id: transfer_id(id), action, code: "test".to_owned(), reference: None, event_at: None })
}
