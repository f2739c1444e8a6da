//! The merchant's three plans: signed once each, created on every chain.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use e2e::{Client, Stack, Wallet};
use serde_json::{Value, json};
use test_support::Role;

use crate::cast::PlanName;

/// One billing period of each plan: 30 days.
pub const PERIOD_SECS: u64 = 30 * 86_400;

/// A plan that stands on every chain.
#[derive(Debug)]
pub struct Offer {
    /// Which one.
    pub name: PlanName,
    /// The same on every chain.
    pub hash: String,
    /// Zero for the native coin.
    pub token: Address,
    /// One charge, smallest unit.
    pub price: U256,
}

/// The plan of this name.
pub fn find(offers: &[Offer], name: PlanName) -> Result<&Offer> {
    offers.iter().find(|offer| offer.name == name).with_context(|| format!("no plan {name:?}"))
}

/// Signs and creates all plans, and waits until the mirror shows each on every chain.
pub async fn publish(stack: &Stack, api: &Client) -> Result<Vec<Offer>> {
    let token = stack.chains[0].addresses().token;
    let mut offers = Vec::new();
    for (name, token, price) in [
        (PlanName::Basic, token, U256::from(10_000_000)),
        (PlanName::Studio, token, U256::from(25_000_000)),
        (PlanName::Native, Address::ZERO, U256::from(10_000_000_000_000_000_u64)),
    ] {
        let hash = create(stack, api, name, token, price).await?;
        offers.push(Offer { name, hash, token, price });
    }
    for offer in &offers {
        wait_until_active(stack, api, &offer.hash).await?;
    }
    Ok(offers)
}

async fn create(stack: &Stack, api: &Client, name: PlanName, token: Address, price: U256) -> Result<String> {
    let merchant = Wallet::new(&stack.chains[0], Role::Merchant(0))?;
    let mut request = json!({
        "chain_ids": stack.chains.iter().map(|chain| chain.chain_id()).collect::<Vec<_>>(),
        "merchant": merchant.address(),
        "token": token,
        "price": price.to_string(),
        "period_secs": PERIOD_SECS,
        "trial_secs": 0,
        "max_fee_bps": 250,
        "salt": "1",
        "uri": format!("https://plans.example/{name:?}").to_lowercase(),
    });
    let unsigned = api.post("/v1/billing/admin/plans", &request).await?;
    let typed_data = unsigned.get("typed_data").with_context(|| format!("no typed data in {unsigned}"))?;
    request["signature"] = Value::String(merchant.sign_typed_data(typed_data)?);
    let created = api.post("/v1/billing/admin/plans", &request).await?;
    let hash = created["plan_hash"].as_str().context("plan_hash")?.to_owned();
    ensure!(unsigned["plan_hash"] == created["plan_hash"], "the plan hash changed with the signature");
    Ok(hash)
}

async fn wait_until_active(stack: &Stack, api: &Client, hash: &str) -> Result<()> {
    for _ in 0..200 {
        let plan = api.get(&format!("/v1/billing/plans/{hash}")).await?;
        let active = plan["chains"]
            .as_array()
            .map_or(0, |chains| chains.iter().filter(|chain| chain["status"] == "active").count());
        if active == stack.chains.len() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("plan {hash} is not active on every chain after 20 s")
}
