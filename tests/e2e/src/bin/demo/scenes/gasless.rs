//! Wallets without native coin: they sign, the relayer sends and pays.

use std::time::Duration;

use alloy::{
    primitives::{B256, U256},
    providers::Provider,
};
use anyhow::{Context, Result, bail, ensure};
use e2e::{Client, Stack, Wallet};
use serde_json::{Value, json};
use test_support::{Chain, Role};

use crate::{
    cast::{Fate, Member, Pays},
    offer::{self, Offer},
    subscribe::{MINTED, signed_permit},
};

/// A signed message that the API sent.
#[derive(Debug)]
pub struct Relay {
    chain: usize,
    id: String,
}

/// What a relay came to.
#[derive(Debug)]
pub struct Relayed {
    /// `subscribe` or `pause`.
    pub kind: String,
    /// Gas of its receipt.
    pub gas: u64,
    /// What it cost the relayer, in wei.
    pub fee: U256,
}

fn signers(cast: &[Member]) -> impl Iterator<Item = &Member> {
    cast.iter().filter(|member| member.pays == Pays::Mandate)
}

/// Each wallet without coin signs a mandate and the token's permit.
pub async fn subscribe(stack: &Stack, api: &Client, cast: &[Member], offers: &[Offer]) -> Result<Vec<Relay>> {
    let mut relays = Vec::new();
    for member in signers(cast) {
        let chain = &stack.chains[member.chain];
        let wallet = Wallet::new(chain, member.role)?;
        chain.mint(wallet.address(), MINTED).await?;
        let mut request = wish(chain, &wallet, &offer::find(offers, member.plan)?.hash);
        request["authorization"] = json!("mandate");
        request["mandate"] = json!({ "max_charges": 12 });
        let step = api.post("/v1/billing/subscribe", &request).await?;
        request["mandate"] = step["mandate"].clone();
        request["mandate"]["signature"] = json!(wallet.sign_typed_data(&step["typed_data"])?);
        request["permit"] = signed_permit(&wallet, &step["permit_typed_data"])?;
        relays.push(sent(member, &api.post("/v1/billing/subscribe", &request).await?)?);
    }
    Ok(relays)
}

/// Those who are to pause sign that as well.
pub async fn pause(stack: &Stack, api: &Client, cast: &[Member], offers: &[Offer]) -> Result<Vec<Relay>> {
    let mut relays = Vec::new();
    for member in signers(cast).filter(|member| member.fate == Fate::Pauses) {
        let chain = &stack.chains[member.chain];
        let wallet = Wallet::new(chain, member.role)?;
        let mut request = wish(chain, &wallet, &offer::find(offers, member.plan)?.hash);
        let typed_data = api.post("/v1/billing/pause", &request).await?["typed_data"].take();
        request["order"] = json!({
            "nonce": typed_data["message"]["nonce"],
            "deadline": typed_data["message"]["deadline"],
            "signature": wallet.sign_typed_data(&typed_data)?,
        });
        relays.push(sent(member, &api.post("/v1/billing/pause", &request).await?)?);
    }
    Ok(relays)
}

fn wish(chain: &Chain, wallet: &Wallet, plan_hash: &str) -> Value {
    json!({ "plan_hash": plan_hash, "chain_id": chain.chain_id(), "subscriber": wallet.address(), "relay": true })
}

fn sent(member: &Member, answer: &Value) -> Result<Relay> {
    let id = answer["relay_id"].as_str().with_context(|| format!("{member:?}: not sent: {answer}"))?;
    Ok(Relay { chain: member.chain, id: id.to_owned() })
}

/// Waits until the API knows what each relay cost, and holds that against the chain's receipts; the wallets themselves must
/// have sent nothing and own no coin.
pub async fn settle(stack: &Stack, api: &Client, cast: &[Member], relays: &[Relay]) -> Result<Vec<Relayed>> {
    let mut all = Vec::new();
    for relay in relays {
        let shown = mined(api, &relay.id).await?;
        let hash: B256 = shown["tx_hash"].as_str().context("tx_hash")?.parse()?;
        let provider = stack.chains[relay.chain].provider();
        let receipt = provider.get_transaction_receipt(hash).await?.context("a relay without a receipt")?;
        let gas = shown["gas_used"].as_u64().context("gas_used")?;
        let fee: U256 = shown["fee_wei"].as_str().context("fee_wei")?.parse()?;
        let paid = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
        ensure!(
            (gas, fee) == (receipt.gas_used, paid),
            "{shown}: the receipt says {} gas, {paid} wei",
            receipt.gas_used
        );
        ensure!(receipt.from == Role::Relayer.address(), "{} paid for {shown}", receipt.from);
        all.push(Relayed { kind: shown["kind"].as_str().unwrap_or_default().to_owned(), gas, fee });
    }
    for member in signers(cast) {
        let (provider, wallet) = (stack.chains[member.chain].provider(), member.role.address());
        let (coin, sent) = (provider.get_balance(wallet).await?, provider.get_transaction_count(wallet).await?);
        ensure!(coin.is_zero() && sent == 0, "{wallet} has {coin} wei and sent {sent} transactions");
    }
    Ok(all)
}

async fn mined(api: &Client, id: &str) -> Result<Value> {
    let mut shown = Value::Null;
    for _ in 0..200 {
        shown = api.get(&format!("/v1/billing/relays/{id}")).await?;
        if shown["status"] == "mined" {
            return Ok(shown);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("a relay is not mined after 20 s: {shown}")
}
