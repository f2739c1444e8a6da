//! What wallets and the operator do.

use std::{collections::BTreeMap, time::Duration};

use alloy::{
    primitives::{Address, U256},
    sol,
};
use anyhow::{Context, Result, bail, ensure};
use e2e::{Client, Stack, Wallet};
use serde_json::json;
use test_support::Role;

use crate::{
    cast::{Fate, Member, PlanName},
    offer::{self, Offer},
    subscribe::send_steps,
};

/// Where wallets spend what they should have kept for the subscription.
const SHOP: Role = Role::Merchant(9);

sol! {
    #[sol(rpc)]
    contract Token {
        function transfer(address to, uint256 amount) external returns (bool);
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

/// Lets each member's fate happen; gives what wallets spent elsewhere.
pub async fn play_fates(
    stack: &Stack,
    api: &Client,
    cast: &[Member],
    offers: &[Offer],
) -> Result<BTreeMap<Address, U256>> {
    let mut spent = BTreeMap::new();
    for member in cast {
        let chain = &stack.chains[member.chain];
        let wallet = Wallet::new(chain, member.role)?;
        let token = Token::new(chain.addresses().token, wallet.provider());
        match member.fate {
            Fate::SpendsBalance | Fate::FallsBack => {
                let all = chain.balance_of(wallet.address()).await?;
                token.transfer(SHOP.address(), all).send().await?.get_receipt().await?;
                spent.insert(wallet.address(), all);
            }
            Fate::Revokes => {
                let manager = chain.addresses().subscription_manager;
                token.approve(manager, U256::ZERO).send().await?.get_receipt().await?;
            }
            Fate::Cancels => {
                let request = json!({
                    "plan_hash": offer::find(offers, member.plan)?.hash,
                    "chain_id": chain.chain_id(),
                    "subscriber": wallet.address(),
                });
                send_steps(&wallet, &api.post("/v1/billing/unsubscribe", &request).await?).await?;
            }
            Fate::Stays | Fate::Pauses | Fate::PlanFrozen | Fate::DepositUsedUp => {}
        }
    }
    let frozen = &offer::find(offers, PlanName::Studio)?.hash;
    api.post(&format!("/v1/billing/admin/plans/{frozen}/freeze"), &json!({ "frozen": true })).await?;
    Ok(spent)
}

/// Waits until the API shows each member's subscription with the status it must have.
pub async fn wait_for_subscriptions(
    stack: &Stack,
    api: &Client,
    cast: &[Member],
    status: impl Fn(Fate) -> &'static str,
) -> Result<()> {
    let mut missing = Vec::new();
    for _ in 0..200 {
        missing.clear();
        for member in cast {
            let wallet = member.role.address();
            let chain_id = stack.chains[member.chain].chain_id();
            let page = api.get(&format!("/v1/billing/subscriptions?subscriber={wallet}&chain_id={chain_id}")).await?;
            if page["subscriptions"][0]["status"] != status(member.fate) {
                missing.push(format!("{member:?}: {page}"));
                break;
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("not as it must be after 20 s: {}\n{}", missing.join("\n"), stack.log("billing-indexer"))
}

/// Waits until the mirror shows the frozen plan on every chain.
pub async fn wait_until_frozen(stack: &Stack, api: &Client, offers: &[Offer]) -> Result<()> {
    let hash = &offer::find(offers, PlanName::Studio)?.hash;
    for _ in 0..200 {
        let plan = api.get(&format!("/v1/billing/plans/{hash}")).await?;
        let chains = plan["chains"].as_array().context("chains")?;
        ensure!(chains.len() == stack.chains.len(), "a plan vanished: {plan}");
        if chains.iter().all(|chain| chain["frozen"] == true) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("plan {hash} is not frozen on every chain after 20 s")
}
