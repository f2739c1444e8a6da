//! What the contracts know at one block, and the call that changes it.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, B256, LogData, U256},
    sol_types::SolEvent,
};

use super::{contract::Contract, intent::Intent};

/// The contracts' storage, as far as their events depend on it.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    counts: [u64; Contract::ALL.len()],
    pub(super) plans: BTreeMap<B256, Plan>,
    pub(super) subscriptions: BTreeMap<(B256, Address), Subscription>,
    pub(super) deposits: BTreeMap<Address, U256>,
    pub(super) credits: BTreeMap<Address, U256>,
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) merchant: Address,
    pub(super) offered: Option<Address>,
    /// Zero for the native coin.
    pub(super) token: Address,
    pub(super) price: u64,
    pub(super) period: u64,
    /// As the contract numbers them: 1 is open.
    pub(super) status: u8,
    pub(super) frozen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Active,
    Paused,
    Ended,
}

#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) stage: Stage,
    pub(super) paid_until: u64,
    pub(super) retries: u8,
}

impl State {
    pub(super) fn count(&self, contract: Contract) -> u64 {
        self.counts[contract as usize]
    }
}

/// One transaction while it runs.
pub(super) struct Call<'a> {
    pub(super) state: &'a mut State,
    /// The block's time.
    pub(super) now: u64,
    logs: Vec<(Contract, LogData)>,
}

impl<'a> Call<'a> {
    /// Runs a transaction; its logs, none when it reverts.
    pub(super) fn run(state: &'a mut State, now: u64, intent: &Intent) -> Vec<(Contract, LogData)> {
        let mut call = Self { state, now, logs: Vec::new() };
        call.execute(intent);
        call.logs
    }

    fn execute(&mut self, intent: &Intent) {
        match intent {
            Intent::CreatePlan { plan } => self.create_plan(*plan),
            Intent::ChangePlan { plan, change } => self.change_plan(*plan, *change),
            Intent::Subscribe { plan, who, entry } => self.subscribe(*plan, *who, *entry),
            Intent::Charge { plan, members, luck } => self.charge(*plan, members, *luck),
            Intent::Change { plan, who, turn } => self.change(*plan, *who, *turn),
            Intent::Switch { from, to, who } => self.switch(*from, *to, *who),
            Intent::Deposit { who, amount } => self.deposit(*who, *amount),
            Intent::Withdraw { who, amount } => self.withdraw(*who, *amount),
            Intent::Aside { kind, who } => self.aside(*kind, *who),
            Intent::Price { kind } => self.price(*kind),
            Intent::Sale { number } => self.sell(*number),
            Intent::Revoke { number } => self.revoke(*number),
        }
    }

    /// The number of the next event, which must be emitted.
    pub(super) fn next(&mut self, contract: Contract) -> u64 {
        self.state.counts[contract as usize] += 1;
        self.state.counts[contract as usize]
    }

    pub(super) fn emit(&mut self, contract: Contract, event: &impl SolEvent) {
        self.logs.push((contract, event.encode_log_data()));
    }
}
