//! A sale from the seller's signature to the mirror, and back.

use alloy::primitives::{Address, B256};
use anyhow::{Result, ensure};
use e2e::{Client, Stack, StackOptions, Wallet};
use serde_json::{Value, json};
use test_support::{Chain, Role};

const LISTINGS: &str = "/v1/billing/admin/listings";

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_signed_once_is_sold_on_two_chains_and_a_reorg_takes_a_sale_back() -> Result<()> {
    let chains = vec![Chain::start(31_337).await?, Chain::start(31_338).await?];
    let stack = Stack::new(chains, StackOptions::default()).await?;
    let (_api, client) = stack.start_api().await?;
    let seller = Wallet::new(&stack.chains[0], Role::Merchant(0))?;
    let hash = listed(&client, &seller).await?;
    for chain in &stack.chains {
        buy(&client, chain, &hash, Role::Subscriber(0), 2).await?;
    }
    stack.run_ok("billing-indexer", &["--once"]).await?;
    ensure!(sold(&client, &hash).await? == [2, 2], "each chain counts for itself");

    let chain = &stack.chains[0];
    buy(&client, chain, &hash, Role::Subscriber(1), 1).await?;
    stack.run_ok("billing-indexer", &["--once"]).await?;
    ensure!(sold(&client, &hash).await? == [3, 2], "the third unit is sold");
    let sales = client.get(&format!("/v1/billing/sales?listing_hash={hash}&limit=2")).await?;
    ensure!(sales["sales"].as_array().is_some_and(|page| page.len() == 2), "{sales}");
    ensure!(sales["next_cursor"].is_string(), "there is a third: {sales}");

    chain.reorg(1).await?;
    stack.run_ok("billing-indexer", &["--once"]).await?;
    ensure!(sold(&client, &hash).await? == [2, 2], "its block is gone");
    stack.run_ok("billing-indexer", &["verify"]).await?;

    let revocations = client.post(&format!("{LISTINGS}/{hash}/revoke"), &json!({ "chain_id": 31_337 })).await?;
    seller.send(&revocations["txn_payloads"][0]).await?;
    stack.run_ok("billing-indexer", &["--once"]).await?;
    let shown = client.get(&format!("/v1/billing/listings/{hash}")).await?;
    ensure!(shown["chains"][0]["revoked"] == true && shown["chains"][1]["revoked"] == false, "{shown}");
    let refused = buy(&client, chain, &hash, Role::Subscriber(0), 1).await.expect_err("a revoked listing");
    ensure!(refused.to_string().contains("listing-revoked"), "{refused:#}");
    buy(&client, &stack.chains[1], &hash, Role::Subscriber(1), 1).await
}

async fn listed(client: &Client, seller: &Wallet) -> Result<String> {
    let mut terms = json!({
        "chain_ids": [31_337, 31_338],
        "seller": seller.address(),
        "token": Address::ZERO,
        "price": "1000000",
        "sku": B256::repeat_byte(7),
        "quantity": 5,
        "max_fee_bps": 250,
    });
    let to_sign = client.post(LISTINGS, &terms).await?;
    terms["salt"] = to_sign["salt"].clone();
    terms["signature"] = json!(seller.sign_typed_data(&to_sign["typed_data"])?);
    let stored = client.post(LISTINGS, &terms).await?;
    Ok(stored["listing_hash"].as_str().unwrap_or_default().to_owned())
}

async fn buy(client: &Client, chain: &Chain, hash: &str, buyer: Role, quantity: u32) -> Result<()> {
    let wish = json!({
        "chain_id": chain.chain_id(),
        "buyer": buyer.address(),
        "quantity": quantity,
        "authorization": "native",
    });
    let steps = client.post(&format!("/v1/billing/listings/{hash}/buy"), &wish).await?;
    Wallet::new(chain, buyer)?.send(&steps["txn_payload"]).await.map(drop)
}

async fn sold(client: &Client, hash: &str) -> Result<Vec<u64>> {
    let shown = client.get(&format!("/v1/billing/listings/{hash}")).await?;
    let on = |chain: &Value| chain["sold"].as_u64().unwrap_or_default();
    Ok(shown["chains"].as_array().into_iter().flatten().map(on).collect())
}
