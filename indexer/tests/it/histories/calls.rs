//! What people do, at random. Much of it is refused, as after a reorganisation that took a plan away.

use alloy::{
    primitives::{Address, B256, Bytes, U256, aliases::U96},
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};
use anyhow::{Context, Result};
use billing_bindings::{
    IPlanManager::Plan,
    Marketplace::{revokeListingCall, revokeSkuCall},
    PaymentGateway::setFeeCall,
    PlanManager,
    PlanManager::{createPlanCall, deactivatePlanCall, setPlanFrozenCall, updatePlanUriCall},
    SubscriptionManager::{
        cancelCall, chargeBatchCall, depositNativeCall, pauseCall, resumeCall, subscribeCall, withdrawNativeCall,
    },
};
use rand::{Rng, rngs::StdRng};
use test_support::{Chain, Role};

use crate::world::{PRICE, plan};

/// Subscribers who act; each has tokens, an allowance and coins.
pub const PEOPLE: u32 = 5;
/// Plans that may be created: the first half for the token, the others for the coin.
const PLANS: u64 = 6;
const GAS: u64 = 1_500_000;

/// Who acts on what.
pub struct Cast {
    addresses: test_support::Addresses,
    marketplace: Address,
    plans: Vec<(Plan, B256)>,
}

impl Cast {
    pub async fn new(chain: &Chain) -> Result<Self> {
        let addresses = chain.addresses().clone();
        let contract = PlanManager::new(addresses.plan_manager, chain.provider());
        let mut plans = Vec::new();
        for salt in 0..PLANS {
            let token = if salt < PLANS / 2 { addresses.token } else { Address::ZERO };
            let terms = plan(chain, Role::Merchant(u32::from(salt >= PLANS / 2)), token, 900 + salt);
            plans.push((terms.clone(), contract.hashPlan(terms).call().await?));
        }
        let marketplace = addresses.marketplace.context("a marketplace")?;
        Ok(Self { addresses, marketplace, plans })
    }

    /// The creation of a plan.
    pub fn create(&self, at: usize) -> TransactionRequest {
        let (terms, _) = &self.plans[at % self.plans.len()];
        let (plan, uri) = (terms.clone(), "https://example.org/plan".to_owned());
        let call = createPlanCall { plan, signature: Bytes::new(), uri };
        to(self.addresses.plan_manager, terms.merchant, &call)
    }

    /// Something that somebody does.
    pub fn any(&self, random: &mut StdRng) -> TransactionRequest {
        let at = random.random_range(0..self.plans.len());
        let (terms, hash) = (&self.plans[at].0, self.plans[at].1);
        let who = Role::Subscriber(random.random_range(0..PEOPLE)).address();
        let subscriptions = self.addresses.subscription_manager;
        match random.random_range(0..100) {
            0..15 => self.create(at),
            15..40 => {
                let call = to(subscriptions, who, &subscribeCall { planHash: hash });
                if terms.token.is_zero() { call.value(U256::from(3 * PRICE)) } else { call }
            }
            40..65 => {
                let people = (0..PEOPLE).flat_map(|number| Role::Subscriber(number).address().to_vec());
                let subscribers = people.collect::<Vec<u8>>().into();
                to(subscriptions, Role::Automation.address(), &chargeBatchCall { planHash: hash, subscribers })
            }
            65..71 => to(subscriptions, who, &cancelCall { planHash: hash }),
            71..75 => to(subscriptions, who, &pauseCall { planHash: hash }),
            75..78 => to(subscriptions, who, &resumeCall { planHash: hash }),
            78..83 => {
                let value = U256::from(random.random_range(1..3 * PRICE));
                to(subscriptions, who, &depositNativeCall { account: who }).value(value)
            }
            83..87 => {
                let amount = U256::from(random.random_range(1..PRICE));
                to(subscriptions, who, &withdrawNativeCall { amount, receiver: who })
            }
            87..89 => to(self.addresses.plan_manager, terms.merchant, &deactivatePlanCall { planHash: hash }),
            89..92 => {
                let uri = format!("https://example.org/{}", random.random::<u16>());
                to(self.addresses.plan_manager, terms.merchant, &updatePlanUriCall { planHash: hash, uri })
            }
            92..94 => {
                let call = setPlanFrozenCall { planHash: hash, frozen: random.random() };
                to(self.addresses.plan_manager, Role::Operator.address(), &call)
            }
            94..97 => {
                let salt = U256::from(random.random_range(0..2_000));
                to(self.marketplace, who, &revokeListingCall { salt })
            }
            97..98 => {
                let (sku, salt) = (B256::repeat_byte(random.random()), U256::from(random.random_range(1..9)));
                to(self.marketplace, who, &revokeSkuCall { sku, minSalt: salt })
            }
            _ => {
                let receiver = Role::FeeReceiver.address();
                let call = setFeeCall { feeBps: random.random_range(0..400), feeReceiver: receiver };
                to(self.addresses.payment_gateway, Role::Governor.address(), &call)
            }
        }
    }
}

fn to(contract: Address, from: Address, call: &impl SolCall) -> TransactionRequest {
    let input = Bytes::from(call.abi_encode());
    TransactionRequest::default().from(from).to(contract).input(input.into()).gas_limit(GAS)
}

/// What a subscriber has from the beginning.
pub fn wealth() -> U256 {
    U256::from(U96::from(PRICE)) * U256::from(1_000)
}
