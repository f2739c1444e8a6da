//! Histories of grants, and what they make of them when nothing is stored but lists. Time is in hours.

use std::collections::BTreeMap;

use billing_core::ledger::Ended;
use proptest::prelude::*;

pub const OWNERS: u8 = 2;

#[derive(Clone, Debug)]
pub struct Grant {
    pub owner: u8,
    pub priority: u8,
    pub effective_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub product: Option<u8>,
    /// Neither spent nor held.
    pub free: u64,
}

#[derive(Clone, Debug)]
struct Hold {
    parts: Vec<(u16, u64)>,
    partly: bool,
    expires_at: Option<i64>,
    ended: Option<Ended>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub now: i64,
    pub grants: BTreeMap<u16, Grant>,
    holds: BTreeMap<u16, Hold>,
    /// Of spends and commits, what was not given back yet.
    spent: BTreeMap<u16, Vec<(u16, u64)>>,
}

#[derive(Clone, Debug)]
pub enum Step {
    Give { id: u16, owner: u8, amount: u64, priority: u8, from: Option<i64>, lasts: Option<i64>, product: Option<u8> },
    Spend { id: u16, owner: u8, amount: u64, product: Option<u8>, hold: Option<(u8, bool)> },
    Commit { id: u16, hold: u16, amount: Option<u64>, keep_rest: bool },
    Release { id: u16, hold: u16 },
    Refund { id: u16, of: u16, amount: Option<u64> },
    Revoke { id: u16, grant: u16, amount: Option<u64> },
    Wait { hours: u8 },
}

impl Grant {
    fn is_live(&self, at: i64) -> bool {
        self.effective_at.is_none_or(|from| from <= at) && self.expires_at.is_none_or(|end| end > at)
    }
}

impl Model {
    /// What somebody has at an instant that is not past: what is held is still there.
    pub fn balance(&self, owner: u8, at: i64) -> u64 {
        let live = |id: &u16| self.grants.get(id).is_some_and(|grant| grant.owner == owner && grant.is_live(at));
        let free: u64 = self.grants.iter().filter(|(id, _)| live(id)).map(|(_, grant)| grant.free).sum();
        let held = self.holds.values().filter(|hold| hold.ended.is_none()).flat_map(|hold| &hold.parts);
        free + held.filter(|(grant, _)| live(grant)).map(|(_, held)| held).sum::<u64>()
    }

    /// Whether it is allowed; then it is done.
    pub fn step(&mut self, step: &Step) -> bool {
        match *step {
            Step::Give { id, owner, amount, priority, from, lasts, product } => {
                let effective_at = from.map(|from| self.now + from);
                let expires_at = lasts.map(|lasts| effective_at.unwrap_or(self.now) + lasts);
                let grant = Grant { owner, priority, effective_at, expires_at, product, free: amount };
                amount > 0 && self.grants.insert(id, grant).is_none()
            }
            Step::Spend { id, owner, amount, product, hold } => self.spend(id, owner, amount, product, hold),
            Step::Commit { id, hold, amount, keep_rest } => self.commit(id, hold, amount, keep_rest),
            Step::Release { hold, .. } => {
                let open = self.holds.get_mut(&hold).filter(|hold| hold.ended.is_none());
                let Some(parts) = open.map(|hold| (hold.ended = Some(Ended::Voided), hold.parts.clone()).1) else {
                    return false;
                };
                self.give_back(&parts);
                true
            }
            Step::Refund { id, of, amount } => {
                let Some(spent) = self.spent.get_mut(&of) else { return false };
                spent.reverse();
                let taken = take(spent, amount);
                spent.reverse();
                self.give_back(&taken.clone().unwrap_or_default());
                let _ = id;
                taken.is_some()
            }
            Step::Revoke { grant, amount, .. } => {
                let Some(grant) = self.grants.get_mut(&grant) else { return false };
                let there = if grant.expires_at.is_some_and(|end| end <= self.now) { 0 } else { grant.free };
                let amount = amount.unwrap_or(there);
                let allowed = amount > 0 && amount <= there;
                grant.free -= if allowed { amount } else { 0 };
                allowed
            }
            Step::Wait { hours } => {
                self.now += i64::from(hours);
                let over = |hold: &&mut Hold| hold.ended.is_none() && hold.expires_at.is_some_and(|at| at <= self.now);
                let mut back = Vec::new();
                for hold in self.holds.values_mut().filter(over) {
                    hold.ended = Some(Ended::Expired);
                    back.extend(hold.parts.clone());
                }
                self.give_back(&back);
                true
            }
        }
    }

    fn spend(&mut self, id: u16, owner: u8, amount: u64, product: Option<u8>, hold: Option<(u8, bool)>) -> bool {
        let fits = |grant: &Grant| {
            grant.owner == owner && grant.is_live(self.now) && (grant.product.is_none() || grant.product == product)
        };
        let mut order: Vec<_> = self.grants.iter().filter(|(_, grant)| fits(grant)).collect();
        order.sort_by_key(|(id, grant)| (grant.priority, grant.expires_at.unwrap_or(i64::MAX), **id));
        let mut there: Vec<(u16, u64)> = order.into_iter().map(|(id, grant)| (*id, grant.free)).collect();
        let Some(taken) = take(&mut there, Some(amount)) else { return false };
        for (grant, part) in &taken {
            self.grants.get_mut(grant).expect("a grant").free -= part;
        }
        match hold {
            Some((timeout, partly)) => {
                let expires_at = (timeout > 0).then(|| self.now + i64::from(timeout));
                self.holds.insert(id, Hold { parts: taken, partly, expires_at, ended: None });
            }
            None => drop(self.spent.insert(id, taken)),
        }
        true
    }

    fn commit(&mut self, id: u16, hold: u16, amount: Option<u64>, keep_rest: bool) -> bool {
        let Some(open) = self.holds.get_mut(&hold).filter(|hold| hold.ended.is_none()) else { return false };
        let mut parts = open.parts.clone();
        let Some(taken) = take(&mut parts, amount).filter(|_| open.partly || !keep_rest) else { return false };
        parts.retain(|(_, left)| *left > 0);
        let back = if keep_rest { Vec::new() } else { std::mem::take(&mut parts) };
        open.ended = parts.is_empty().then_some(Ended::Posted);
        open.parts = parts;
        self.give_back(&back);
        self.spent.insert(id, taken);
        true
    }

    fn give_back(&mut self, parts: &[(u16, u64)]) {
        for (grant, part) in parts {
            self.grants.get_mut(grant).expect("a grant").free += part;
        }
    }
}

/// Takes from the first on; all, when no amount is said. `None`, and nothing taken, where that is nothing or more than there is.
fn take(from: &mut [(u16, u64)], amount: Option<u64>) -> Option<Vec<(u16, u64)>> {
    let there: u64 = from.iter().map(|(_, left)| left).sum();
    let mut asked = amount.unwrap_or(there);
    if asked == 0 || asked > there {
        return None;
    }
    let mut taken = Vec::new();
    for (grant, left) in from {
        let part = asked.min(*left);
        (asked, *left) = (asked - part, *left - part);
        taken.extend((part > 0).then_some((*grant, part)));
    }
    Some(taken)
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (id, owner) = (0..40_u16, 0..OWNERS);
    let product = || prop::option::of(0..2_u8);
    let some = |most: u64| prop::option::weighted(0.7, 0..most);
    let give = (id.clone(), owner.clone(), 0..200_u64, 0..3_u8, prop::option::weighted(0.2, 1..6_i64))
        .prop_flat_map(move |(id, owner, amount, priority, from)| {
            (Just((id, owner, amount, priority, from)), prop::option::weighted(0.6, 1..12_i64), product())
        })
        .prop_map(|((id, owner, amount, priority, from), lasts, product)| Step::Give {
            id: id + 1_000,
            owner,
            amount,
            priority,
            from,
            lasts,
            product,
        });
    let spend = (id.clone(), owner, 0..150_u64, product(), prop::option::weighted(0.7, (0..6_u8, any::<bool>())))
        .prop_map(|(id, owner, amount, product, hold)| Step::Spend { id: id + 2_000, owner, amount, product, hold });
    let of = || 0..40_u16;
    let commit = (of(), of(), some(120), any::<bool>()).prop_map(|(id, hold, amount, keep_rest)| Step::Commit {
        id: id + 3_000,
        hold: hold + 2_000,
        amount,
        keep_rest,
    });
    let refund = (of(), of(), prop_oneof![Just(2_000_u16), Just(3_000)], some(80))
        .prop_map(|(id, of, kind, amount)| Step::Refund { id: id + 5_000, of: of + kind, amount });
    prop::collection::vec(
        prop_oneof![
            3 => give,
            5 => spend,
            4 => commit,
            1 => (of(), of()).prop_map(|(id, hold)| Step::Release { id: id + 4_000, hold: hold + 2_000 }),
            3 => refund,
            1 => (of(), of(), some(60)).prop_map(|(id, grant, amount)| Step::Revoke { id: id + 6_000, grant: grant + 1_000, amount }),
            2 => (1..4_u8).prop_map(|hours| Step::Wait { hours }),
        ],
        1..120,
    )
}
