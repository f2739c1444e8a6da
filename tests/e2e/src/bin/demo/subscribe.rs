//! Wallets that subscribe through the API's payloads, and pay for their own gas.

use alloy::primitives::{U256, uint};
use anyhow::{Context, Result};
use e2e::{Client, Stack, Wallet};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::{
    cast::{Fate, Member, Pays},
    offer::{self, Offer},
};

/// Tokens that each wallet starts with: 500 USDT.
pub const MINTED: U256 = uint!(500_000_000_U256);
/// Periods that a wallet lets be charged.
pub const PERIODS: u32 = 3;

const PATH: &str = "/v1/billing/subscribe";

/// Every member that has a coin for gas subscribes.
pub async fn subscribe_all(
    stack: &Stack,
    api: &Client,
    cast: &[Member],
    offers: &[Offer],
    bar: &ProgressBar,
) -> Result<()> {
    let with_coin = cast.iter().filter(|member| member.pays != Pays::Mandate);
    for (count, member) in with_coin.enumerate() {
        bar.set_message(format!("wallet {}", count + 1));
        subscribe(stack, api, member, offers).await.with_context(|| format!("{member:?}"))?;
    }
    bar.set_message("");
    Ok(())
}

async fn subscribe(stack: &Stack, api: &Client, member: &Member, offers: &[Offer]) -> Result<()> {
    let chain = &stack.chains[member.chain];
    let wallet = Wallet::new(chain, member.role)?;
    let mut request = json!({
        "plan_hash": offer::find(offers, member.plan)?.hash,
        "chain_id": chain.chain_id(),
        "subscriber": wallet.address(),
        "authorization": match member.pays {
            Pays::Permit => "permit",
            Pays::Approval => "approval",
            Pays::Permit2 => "permit2",
            Pays::Native => "native",
            Pays::Mandate => "mandate",
        },
        "periods": if member.fate == Fate::DepositUsedUp { 1 } else { PERIODS },
    });
    if member.pays != Pays::Native {
        chain.mint(wallet.address(), MINTED).await?;
    }
    let mut answer = api.post(PATH, &request).await?;
    match member.pays {
        Pays::Permit => request["permit"] = signed_permit(&wallet, &answer["typed_data"])?,
        Pays::Permit2 => request["permit2"] = signed_permit2(&wallet, &answer["typed_data"])?,
        _ => return send_steps(&wallet, &answer).await,
    }
    answer = api.post(PATH, &request).await?;
    send_steps(&wallet, &answer).await
}

/// The token's permit as the API takes it back.
pub fn signed_permit(wallet: &Wallet, typed_data: &Value) -> Result<Value> {
    let message = &typed_data["message"];
    Ok(json!({
        "value": message["value"],
        "deadline": message["deadline"],
        "signature": wallet.sign_typed_data(typed_data)?,
    }))
}

fn signed_permit2(wallet: &Wallet, typed_data: &Value) -> Result<Value> {
    let message = &typed_data["message"];
    Ok(json!({
        "amount": message["details"]["amount"],
        "expiration": message["details"]["expiration"],
        "nonce": message["details"]["nonce"],
        "sig_deadline": message["sigDeadline"],
        "signature": wallet.sign_typed_data(typed_data)?,
    }))
}

/// Sends what the answer asks for: an approval first where one is needed, then the call itself.
pub async fn send_steps(wallet: &Wallet, answer: &Value) -> Result<()> {
    if let Some(approval) = answer.get("approval").filter(|approval| !approval.is_null()) {
        wallet.send(approval).await?;
    }
    wallet.send(answer.get("txn_payload").with_context(|| format!("no txn_payload in {answer}"))?).await?;
    Ok(())
}
