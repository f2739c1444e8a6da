//! Members of one plan that share a transaction.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use billing_bindings::SubscriptionManager::chargeBatchCall;

use super::due::Due;
use crate::chain::CallRequest;

/// Members of one plan that go into one transaction, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) plan_hash: B256,
    pub(super) members: Vec<Due>,
}

/// Groups by plan, in the order of the first due member, at most `size` together.
pub(super) fn batches(due: Vec<Due>, size: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut open = std::collections::HashMap::new();
    for member in due {
        match open.get(&member.plan_hash).and_then(|&at: &usize| batches.get_mut(at)) {
            Some(batch) if batch.members.len() < size => batch.members.push(member),
            _ => {
                open.insert(member.plan_hash, batches.len());
                batches.push(Batch { plan_hash: member.plan_hash, members: vec![member] });
            }
        }
    }
    batches
}

impl Batch {
    /// The call that charges them.
    pub(super) fn call(&self, manager: Address) -> CallRequest {
        let packed: Vec<u8> = self.members.iter().flat_map(|member| member.subscriber.0.0).collect();
        let call = chargeBatchCall { planHash: self.plan_hash, subscribers: packed.into() };
        CallRequest {
            to: manager,
            data: call.abi_encode().into(),
            value: U256::ZERO,
            purpose: format!("charge_batch:{}", self.plan_hash),
        }
    }

    /// Two batches of half the members each.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let second = self.members.split_off(self.members.len() / 2);
        let plan_hash = self.plan_hash;
        [self, Self { plan_hash, members: second }]
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::money::TokenAmount;

    fn due(plan: u8, subscriber: u8) -> Due {
        Due {
            plan_hash: B256::repeat_byte(plan),
            subscriber: Address::repeat_byte(subscriber),
            due_at: OffsetDateTime::UNIX_EPOCH,
            amount: TokenAmount::ZERO,
            token: Address::ZERO,
            attempts: 0,
            rails: crate::charges::dunning::Rails { fiat: false },
        }
    }

    #[test]
    fn a_batch_is_of_one_plan_and_within_its_size() {
        let members = [due(1, 1), due(2, 2), due(1, 3), due(1, 4), due(2, 5), due(1, 6)];
        let found: Vec<(u8, Vec<u8>)> = batches(members.to_vec(), 2)
            .iter()
            .map(|batch| (batch.plan_hash[0], batch.members.iter().map(|due| due.subscriber[0]).collect()))
            .collect();
        assert_eq!(found, [(1, vec![1, 3]), (2, vec![2, 5]), (1, vec![4, 6])]);
    }

    #[test]
    fn halves_keep_every_member_in_order() {
        let whole = Batch { plan_hash: B256::repeat_byte(1), members: (1..=5).map(|n| due(1, n)).collect() };
        let [first, second] = whole.clone().halves();
        assert_eq!([first.members, second.members].concat(), whole.members);
    }
}
