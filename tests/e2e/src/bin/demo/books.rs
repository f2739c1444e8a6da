//! Every wallet's, merchant's and fee receiver's balance on chain against what our books say was paid.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, U256},
    providers::Provider,
};
use anyhow::{Result, ensure};
use billing_bindings::SubscriptionManager;
use billing_core::money::TokenAmount;
use e2e::Stack;
use sqlx::Row;
use test_support::{Chain, Role};

use crate::{
    acts::MINTED,
    cast::{Member, Pays},
    offer::Offer,
};

/// What every funded account starts with on a fresh chain: 10,000 coins.
const NATIVE_AT_START: u128 = 10_000_000_000_000_000_000_000;

/// What the books say was paid on one chain in one token.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sums {
    /// Charges on the canonical chain.
    pub charges: u64,
    /// Taken from subscribers.
    pub gross: U256,
    /// Of that, paid to the fee receiver.
    pub fee: U256,
}

/// Reads the books and compares them with the chain; gives the sums by chain and token.
pub async fn check(
    stack: &Stack,
    members: &[Member],
    offers: &[Offer],
    spent: &BTreeMap<Address, U256>,
) -> Result<BTreeMap<(u64, Address), Sums>> {
    let mut totals: BTreeMap<(u64, Address), Sums> = BTreeMap::new();
    for (position, chain) in stack.chains.iter().enumerate() {
        let paid = paid_by_subscriber(stack, chain.chain_id()).await?;
        for ((_, token), sums) in &paid {
            let total = totals.entry((chain.chain_id(), *token)).or_default();
            total.charges += sums.charges;
            total.gross += sums.gross;
            total.fee += sums.fee;
        }
        for member in members.iter().filter(|member| member.chain == position) {
            let wallet = member.role.address();
            let (token, name) = offers.iter().find(|o| o.name == member.plan).map(|o| (o.token, o.name)).unzip();
            let sums = paid.get(&(wallet, token.unwrap_or_default())).copied().unwrap_or_default();
            if member.pays != Pays::Native {
                let expected = MINTED - sums.gross - spent.get(&wallet).copied().unwrap_or_default();
                let found = chain.balance_of(wallet).await?;
                ensure!(found == expected, "{wallet} ({name:?}): {found} on chain, {expected} by the books");
            }
        }
        check_receivers(stack, chain, &totals).await?;
    }
    Ok(totals)
}

async fn check_receivers(stack: &Stack, chain: &Chain, totals: &BTreeMap<(u64, Address), Sums>) -> Result<()> {
    let addresses = chain.addresses();
    let sums = |token| totals.get(&(chain.chain_id(), token)).copied().unwrap_or_default();
    let (token, native) = (sums(addresses.token), sums(Address::ZERO));
    let merchant = Role::Merchant(0).address();
    let start = U256::from(NATIVE_AT_START);
    let provider = chain.provider();
    let manager = addresses.subscription_manager;
    let deposits = deposits_by_the_books(stack, chain).await?;
    for (what, found, expected) in [
        ("merchant's tokens", chain.balance_of(merchant).await?, token.gross - token.fee),
        ("fee receiver's tokens", chain.balance_of(addresses.fee_receiver).await?, token.fee),
        ("merchant's native coin", provider.get_balance(merchant).await?, start + native.gross - native.fee),
        ("fee receiver's native coin", provider.get_balance(addresses.fee_receiver).await?, start + native.fee),
        ("manager's tokens", chain.balance_of(manager).await?, U256::ZERO),
        ("manager's native coin", provider.get_balance(manager).await?, deposits),
    ] {
        ensure!(found == expected, "chain {}: {what}: {found} on chain, {expected} by the books", chain.chain_id());
    }
    Ok(())
}

async fn deposits_by_the_books(stack: &Stack, chain: &Chain) -> Result<U256> {
    let chain_id = i64::try_from(chain.chain_id())?;
    let rows = sqlx::query("select account, balance from billing_native_deposit where chain_id = $1")
        .bind(chain_id)
        .fetch_all(stack.database.pool())
        .await?;
    let manager = SubscriptionManager::new(chain.addresses().subscription_manager, chain.provider());
    let mut sum = U256::ZERO;
    for row in rows {
        let account = Address::try_from(row.get::<&[u8], _>("account"))?;
        let balance = row.get::<TokenAmount, _>("balance").0;
        let found = manager.nativeDepositOf(account).call().await?;
        ensure!(found == balance, "deposit of {account}: {found} on chain, {balance} by the books");
        sum += balance;
    }
    Ok(sum)
}

async fn paid_by_subscriber(stack: &Stack, chain_id: u64) -> Result<BTreeMap<(Address, Address), Sums>> {
    let rows = sqlx::query(
        "select subscriber, token, count(*) as charges, sum(gross) as gross, sum(fee) as fee
         from billing_charge
         where chain_id = $1
         group by subscriber, token",
    )
    .bind(i64::try_from(chain_id)?)
    .fetch_all(stack.database.pool())
    .await?;
    let mut paid = BTreeMap::new();
    for row in rows {
        let subscriber = Address::try_from(row.get::<&[u8], _>("subscriber"))?;
        let token = Address::try_from(row.get::<&[u8], _>("token"))?;
        let sums = Sums {
            charges: u64::try_from(row.get::<i64, _>("charges"))?,
            gross: row.get::<TokenAmount, _>("gross").0,
            fee: row.get::<TokenAmount, _>("fee").0,
        };
        paid.insert((subscriber, token), sums);
    }
    Ok(paid)
}
