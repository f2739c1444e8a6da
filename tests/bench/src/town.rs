//! A chain with some thousand subscribers and their charges day after day, all by the real contracts.

use alloy::{
    primitives::{Address, B256, Bytes, U256, aliases::U96, keccak256},
    sol_types::{SolCall, SolValue},
};
use anyhow::{Result, ensure};
use billing_bindings::{
    IPlanManager,
    PlanManager::{self, createPlanCall},
    SubscriptionManager::{chargeBatchCall, subscribeCall},
};
use serde_json::json;
use test_support::Role;

use crate::site::{Site, TRANSACTION_GAS, progress, transaction};

/// Plans, each of another merchant.
const PLANS: u64 = 4;
/// Subscribers of each.
const MEMBERS: u64 = 700;
/// Members of one `chargeBatch`, as far as its gas goes.
const BATCH: u64 = 500;
const DAY: u64 = 86_400;
const PRICE: u64 = 10_000_000;
/// Slots of OpenZeppelin's ERC-20: balances, allowances.
const BALANCES: u64 = 0;
const ALLOWANCES: u64 = 1;

/// A running chain and who is on it.
#[derive(Debug)]
pub struct Town {
    pub site: Site,
    plans: Vec<B256>,
    /// Members charged since the beginning.
    charged: u64,
    /// When everybody had subscribed, in seconds.
    founded: u64,
}

impl Town {
    /// A chain with plans and subscribers: two events each.
    pub async fn found(chain_id: u64) -> Result<Self> {
        let mut town = Self { site: Site::start(chain_id).await?, plans: Vec::new(), charged: 0, founded: 0 };
        for merchant in 0..u32::try_from(PLANS)? {
            let plan = town.create_plan(Role::Merchant(merchant)).await?;
            town.plans.push(plan);
        }
        town.subscribe_all().await?;
        town.founded = town.site.time().await?;
        Ok(town)
    }

    async fn create_plan(&self, merchant: Role) -> Result<B256> {
        let plan = IPlanManager::Plan {
            chainIds: vec![U256::from(self.site.chain.chain_id())],
            merchant: merchant.address(),
            token: self.site.chain.addresses().token,
            price: U96::from(PRICE),
            period: u32::try_from(DAY)?,
            trial: 0,
            maxFeeBps: 500,
            salt: U256::ZERO,
            expiry: 0,
        };
        let plans = PlanManager::new(self.site.chain.addresses().plan_manager, self.site.chain.provider());
        let hash = plans.hashPlan(plan.clone()).call().await?;
        let call = createPlanCall { plan, signature: Bytes::new(), uri: "https://example.org/plan".to_owned() };
        self.site.send(merchant.address(), *plans.address(), call.abi_encode(), 500_000).await?;
        self.site.mine().await?;
        Ok(hash)
    }

    /// Money and allowances are written into the token; the subscriptions themselves are real transactions.
    async fn subscribe_all(&self) -> Result<()> {
        let (token, manager, node) = (self.site.chain.addresses().token, self.site.manager(), &self.site.node);
        let (mut coins, mut cells, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..MEMBERS * PLANS {
            let (plan, subscriber) = self.member(at);
            let balance = keccak256((subscriber, U256::from(BALANCES)).abi_encode());
            let allowances = keccak256((subscriber, U256::from(ALLOWANCES)).abi_encode());
            let allowance = keccak256((manager, allowances).abi_encode());
            coins.push(json!([subscriber, "0xde0b6b3a7640000"]));
            cells.push(json!([token, balance, B256::from(U256::from(10).pow(U256::from(18)))]));
            cells.push(json!([token, allowance, B256::repeat_byte(0xff)]));
            let call = subscribeCall { planHash: plan };
            sent.push(json!([transaction(subscriber, manager, call.abi_encode(), 400_000)]));
        }
        node.ask_all("anvil_setBalance", coins).await?;
        node.ask_all("anvil_setStorageAt", cells).await?;
        node.ask_all("eth_sendTransaction", sent).await?;
        while node.ask("txpool_status", json!([])).await?["pending"] != "0x0" {
            self.site.mine().await?;
        }
        ensure!(self.site.events().await? == 2 * MEMBERS * PLANS, "not everybody subscribed");
        Ok(())
    }

    /// Charges until there are at least `events` events, evenly in blocks up to about `blocks`.
    pub async fn charge_until(&mut self, events: u64, blocks: u64) -> Result<()> {
        let (mut found, blocks) = (self.site.events().await?, blocks.saturating_sub(self.site.head().await?).max(1));
        let each = events.saturating_sub(found).div_ceil(blocks).max(1);
        let bar = progress("charges", events)?;
        while found < events {
            found += self.charge(each).await?;
            self.site.mine().await?;
            bar.set_position(found);
        }
        bar.finish();
        ensure!(self.site.events().await? == found, "{} events instead of {found}", self.site.events().await?);
        Ok(())
    }

    /// Charges the next members, those of one day at most, in the next block; gives how many.
    pub async fn charge(&mut self, members: u64) -> Result<u64> {
        let (everybody, manager) = (MEMBERS * PLANS, self.site.manager());
        let (day, first) = (self.charged / everybody + 1, self.charged % everybody);
        if first == 0 {
            self.site.node.ask("evm_setNextBlockTimestamp", json!([self.founded + day * DAY])).await?;
        }
        let last = everybody.min(first + members);
        let mut at = first;
        while at < last {
            let next = last.min(at + BATCH).min((at / MEMBERS + 1) * MEMBERS);
            let subscribers: Vec<u8> = (at..next).flat_map(|at| self.member(at).1.into_array()).collect();
            let call = chargeBatchCall { planHash: self.member(at).0, subscribers: subscribers.into() };
            self.site.send(Role::Automation.address(), manager, call.abi_encode(), TRANSACTION_GAS).await?;
            at = next;
        }
        self.charged += last - first;
        Ok(last - first)
    }

    fn member(&self, at: u64) -> (B256, Address) {
        let plan = at / MEMBERS;
        let who = Address::from_word(keccak256(format!("abono bench {at}")));
        (usize::try_from(plan).map_or(B256::ZERO, |plan| self.plans[plan]), who)
    }
}
