//! `SubscriptionManager`: what accounts left there, and events of which nothing is projected.

use alloy::primitives::{Address, U256};
use billing_bindings::{
    PlanManager::MaxActivePlansUpdated,
    SubscriptionManager::{
        CreditClaimed, CreditIncreased, NativeDepositIncreased, NativeDepositWithdrawn, NoncesInvalidated,
    },
};

use super::{contract::Contract, state::Call};

const MANAGER: Contract = Contract::SubscriptionManager;

impl Call<'_> {
    pub(super) fn deposit(&mut self, who: Address, amount: u64) {
        let amount = U256::from(amount);
        let balance = self.state.deposits.get(&who).copied().unwrap_or_default() + amount;
        self.state.deposits.insert(who, balance);
        let sequence = self.next(MANAGER);
        self.emit(MANAGER, &NativeDepositIncreased { account: who, amount, balance, sequence });
    }

    pub(super) fn withdraw(&mut self, who: Address, amount: u64) {
        let amount = U256::from(amount);
        let Some(balance) = self.state.deposits.get(&who).and_then(|held| held.checked_sub(amount)) else { return };
        self.state.deposits.insert(who, balance);
        let sequence = self.next(MANAGER);
        self.emit(MANAGER, &NativeDepositWithdrawn { account: who, receiver: who, amount, balance, sequence });
    }

    pub(super) fn aside(&mut self, kind: u64, who: Address) {
        let amount = U256::from(kind);
        match kind % 4 {
            0 => {
                let balance = self.state.credits.get(&who).copied().unwrap_or_default() + amount;
                self.state.credits.insert(who, balance);
                let sequence = self.next(MANAGER);
                self.emit(MANAGER, &CreditIncreased { account: who, amount, balance, sequence });
            }
            1 => {
                let Some(amount) = self.state.credits.remove(&who) else { return };
                let sequence = self.next(MANAGER);
                self.emit(MANAGER, &CreditClaimed { account: who, receiver: who, amount, sequence });
            }
            2 => {
                let sequence = self.next(MANAGER);
                self.emit(MANAGER, &NoncesInvalidated { subscriber: who, word: amount, mask: U256::MAX, sequence });
            }
            _ => {
                let sequence = self.next(Contract::PlanManager);
                self.emit(Contract::PlanManager, &MaxActivePlansUpdated { maxActivePlans: 50, sequence });
            }
        }
    }
}
