//! A merchant with a plan, and wallets that subscribe to it, straight on the chain.

use alloy::{
    primitives::{B256, Bytes, U256},
    providers::Provider,
};
use anyhow::{Result, ensure};
use billing_bindings::{IPlanManager, ISubscriptionTypes, PlanManager, SubscriptionManager};
use test_support::{Chain, Role};

/// Sells one plan on one chain for the test token.
#[derive(Debug, Clone, Copy)]
pub struct Shop {
    /// The plan.
    pub plan_hash: B256,
    /// One charge in the token's smallest unit.
    pub price: U256,
    /// Seconds of one period.
    pub period_secs: u32,
}

impl Shop {
    /// The first merchant creates a plan of 10 USDT a day.
    pub async fn open(chain: &Chain) -> Result<Self> {
        let (price, period_secs) = (10_000_000_u64, 86_400_u32);
        let plan = IPlanManager::Plan {
            chainIds: vec![U256::from(chain.chain_id())],
            merchant: Role::Merchant(0).address(),
            token: chain.addresses().token,
            price: price.try_into()?,
            period: period_secs,
            trial: 0,
            maxFeeBps: 250,
            salt: U256::ZERO,
            expiry: 0,
        };
        let plans = PlanManager::new(chain.addresses().plan_manager, chain.provider_as(Role::Merchant(0)));
        let plan_hash = plans.hashPlan(plan.clone()).call().await?;
        let created =
            plans.createPlan(plan, Bytes::new(), "ipfs://plan".to_owned()).send().await?.get_receipt().await?;
        ensure!(created.status(), "createPlan reverted");
        Ok(Self { plan_hash, price: U256::from(price), period_secs })
    }

    /// A wallet with tokens for a thousand periods approves all of it and subscribes, which charges the first period.
    pub async fn subscribe(&self, chain: &Chain, role: Role) -> Result<()> {
        let funds = self.price * U256::from(1_000);
        chain.mint(role.address(), funds).await?;
        chain.approve(role, chain.addresses().subscription_manager, funds).await?;
        let manager = SubscriptionManager::new(chain.addresses().subscription_manager, chain.provider_as(role));
        let receipt = manager.subscribe(self.plan_hash).send().await?.get_receipt().await?;
        ensure!(receipt.status(), "subscribe reverted");
        Ok(())
    }

    /// What the contract says of a subscription.
    pub async fn subscription(&self, chain: &Chain, role: Role) -> Result<ISubscriptionTypes::Subscription> {
        let manager = SubscriptionManager::new(chain.addresses().subscription_manager, chain.provider());
        Ok(manager.subscriptionOf(self.plan_hash, role.address()).call().await?)
    }
}

/// Transactions that wait in the node's pool.
pub async fn waiting_transactions(chain: &Chain) -> Result<usize> {
    let status: serde_json::Value = chain.provider().raw_request("txpool_status".into(), ()).await?;
    let pending = status["pending"].as_str().unwrap_or("0x0").trim_start_matches("0x");
    Ok(usize::from_str_radix(pending, 16)?)
}
