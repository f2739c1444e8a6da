//! A listing that its seller signs once, and a purchase on every chain.

use std::time::Duration;

use alloy::primitives::{B256, U256, uint};
use anyhow::{Context, Result, bail, ensure};
use billing_bindings::Marketplace;
use e2e::{Client, Stack, Wallet};
use serde_json::{Value, json};
use test_support::{Chain, Role};

use crate::subscribe::{MINTED, send_steps, signed_permit};

/// Who signs the listing.
pub const SELLER: Role = Role::Merchant(1);
/// Units on each chain; two are bought.
const UNITS: u32 = 5;
const BOUGHT: u32 = 2;
/// Of one unit: 40 USDT, a tenth less from two units on.
const PRICE: u32 = 40_000_000;
/// Two units less the discount: 72 USDT. Of that 2.5 % is the platform's.
const GROSS: u32 = 72_000_000;
const DISCOUNT: u32 = 8_000_000;
const FEE: u32 = 1_800_000;
/// Native coin that a buyer starts with, for gas: one coin.
const COIN: U256 = uint!(1_000_000_000_000_000_000_U256);

/// Who buys on the chain of this position: accounts that nobody else plays.
pub fn buyer(position: usize) -> Role {
    Role::Subscriber(60 + u32::try_from(position).unwrap_or_default())
}

/// Signs, stores and sells; ends when the mirror shows a sale on every chain, as it was bought there.
pub async fn sell(stack: &Stack, api: &Client) -> Result<()> {
    let seller = Wallet::new(&stack.chains[0], SELLER)?;
    let (hash, salt) = list(stack, api, &seller).await?;
    let mut bought = Vec::new();
    for (position, chain) in stack.chains.iter().enumerate() {
        buy(api, chain, &hash, position).await?;
        let market = Marketplace::new(chain.addresses().marketplace.context("no marketplace")?, chain.provider());
        let sold = market.soldOf(seller.address(), salt).call().await?;
        ensure!(sold == BOUGHT, "chain {}: the contract counts {sold} sold", chain.chain_id());
        bought.push((chain.chain_id(), buyer(position).address()));
    }
    let sales = mirrored(api, &hash, bought.len()).await?;
    for ((chain_id, buyer), sale) in bought.iter().zip(&sales) {
        let expected = json!({
            "chain_id": chain_id, "buyer": buyer, "recipient": buyer, "seller": seller.address(), "quantity": BOUGHT,
            "gross": GROSS.to_string(), "discount": DISCOUNT.to_string(), "fee": FEE.to_string(),
        });
        for (field, value) in expected.as_object().context("an object")? {
            let same = sale[field].to_string().eq_ignore_ascii_case(&value.to_string());
            ensure!(same, "{field} of the sale is {}, not {value}: {sale}", sale[field]);
        }
    }
    let listing = api.get(&format!("/v1/billing/listings/{hash}")).await?;
    for chain in listing["chains"].as_array().context("chains")? {
        ensure!(chain["sold"] == BOUGHT && chain["left"] == UNITS - BOUGHT, "{listing}");
    }
    Ok(())
}

async fn list(stack: &Stack, api: &Client, seller: &Wallet) -> Result<(String, U256)> {
    let path = "/v1/billing/admin/listings";
    let mut terms = json!({
        "chain_ids": stack.chains.iter().map(|chain| chain.chain_id()).collect::<Vec<_>>(),
        "seller": seller.address(),
        "token": stack.chains[0].addresses().token,
        "price": PRICE.to_string(),
        "sku": B256::with_last_byte(1),
        "quantity": UNITS,
        "max_fee_bps": 250,
        "discount_bps": 1_000,
        "discount_min_quantity": BOUGHT,
    });
    let to_sign = api.post(path, &terms).await?;
    terms["salt"] = to_sign["salt"].clone();
    terms["signature"] = json!(seller.sign_typed_data(&to_sign["typed_data"])?);
    let stored = api.post(path, &terms).await?;
    ensure!(stored["listing_hash"] == to_sign["listing_hash"], "the listing's hash changed with the signature");
    let hash = stored["listing_hash"].as_str().context("listing_hash")?.to_owned();
    Ok((hash, to_sign["salt"].as_str().context("salt")?.parse()?))
}

/// On the first chain by a signed permit, on the others by an approval.
async fn buy(api: &Client, chain: &Chain, hash: &str, position: usize) -> Result<()> {
    let wallet = Wallet::new(chain, buyer(position))?;
    chain.set_balance(wallet.address(), COIN).await?;
    chain.mint(wallet.address(), MINTED).await?;
    let path = format!("/v1/billing/listings/{hash}/buy");
    let mut wish = json!({
        "chain_id": chain.chain_id(),
        "buyer": wallet.address(),
        "quantity": BOUGHT,
        "authorization": if position == 0 { "permit" } else { "approval" },
    });
    let mut steps = api.post(&path, &wish).await?;
    ensure!(steps["price"]["gross"] == *GROSS.to_string(), "{steps}");
    if position == 0 {
        wish["permit"] = signed_permit(&wallet, &steps["typed_data"])?;
        steps = api.post(&path, &wish).await?;
    }
    send_steps(&wallet, &steps).await
}

async fn mirrored(api: &Client, hash: &str, count: usize) -> Result<Vec<Value>> {
    let mut page = Value::Null;
    for _ in 0..200 {
        page = api.get(&format!("/v1/billing/sales?listing_hash={hash}")).await?;
        match page["sales"].as_array() {
            Some(sales) if sales.len() == count => return Ok(sales.clone()),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    bail!("not {count} sales after 20 s: {page}")
}
