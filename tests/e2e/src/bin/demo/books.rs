//! The balance on chain of everyone who paid, was paid or sent for others, against what our books say.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, U256, uint},
    providers::Provider,
};
use anyhow::{Context, Result, ensure};
use billing_bindings::SubscriptionManager;
use e2e::Stack;
use test_support::{Chain, Role};

use crate::{
    cast::{Member, Pays},
    ledger::{self, Payments, Sums},
    offer::{self, Offer},
    scenes::marketplace,
    subscribe::MINTED,
};

/// What every funded account starts with on a fresh chain: 10,000 coins.
const NATIVE_AT_START: U256 = uint!(10_000_000_000_000_000_000_000_U256);

/// By chain and token.
pub type Totals = BTreeMap<(u64, Address), Sums>;

/// What the books say was paid.
#[derive(Debug, Default)]
pub struct Books {
    /// For subscriptions, first charges among them.
    pub charges: Totals,
    /// For listings.
    pub sales: Totals,
    /// Wei that the relayer spent, by chain.
    pub relays: BTreeMap<u64, U256>,
}

/// Reads the books and compares them with the chains.
pub async fn check(
    stack: &Stack,
    members: &[Member],
    offers: &[Offer],
    spent: &BTreeMap<Address, U256>,
) -> Result<Books> {
    let mut books = Books::default();
    for (position, chain) in stack.chains.iter().enumerate() {
        let chain_id = chain.chain_id();
        let charges = ledger::charges(stack, chain_id).await?;
        for member in members.iter().filter(|member| member.chain == position) {
            check_subscriber(chain, member, offers, &charges, spent).await?;
        }
        let sales = ledger::sales(stack, chain_id, marketplace::SELLER.address()).await?;
        let buyer = marketplace::buyer(position).address();
        let paid = paid(&sales, buyer, chain.addresses().token);
        equal(chain, "the buyer's tokens", chain.balance_of(buyer).await?, MINTED - paid.gross)?;
        add(&mut books.charges, chain_id, &charges);
        add(&mut books.sales, chain_id, &sales);
        books.relays.insert(chain_id, ledger::relay_fees(stack, chain_id).await?);
        check_receivers(stack, chain, &books).await?;
    }
    Ok(books)
}

fn add(totals: &mut Totals, chain_id: u64, payments: &Payments) {
    for ((_, token), sums) in payments {
        totals.entry((chain_id, *token)).or_default().add(*sums);
    }
}

fn paid(payments: &Payments, payer: Address, token: Address) -> Sums {
    payments.get(&(payer, token)).copied().unwrap_or_default()
}

fn equal(chain: &Chain, what: &str, found: U256, expected: U256) -> Result<()> {
    ensure!(found == expected, "chain {}: {what}: {found} on chain, {expected} by the books", chain.chain_id());
    Ok(())
}

async fn check_subscriber(
    chain: &Chain,
    member: &Member,
    offers: &[Offer],
    charges: &Payments,
    spent: &BTreeMap<Address, U256>,
) -> Result<()> {
    if member.pays == Pays::Native {
        // Its coin also pays for gas; what it deposited is compared with the deposits.
        return Ok(());
    }
    let wallet = member.role.address();
    let sums = paid(charges, wallet, offer::find(offers, member.plan)?.token);
    let expected = MINTED - sums.gross - spent.get(&wallet).copied().unwrap_or_default();
    equal(chain, &format!("tokens of {wallet} ({:?})", member.plan), chain.balance_of(wallet).await?, expected)
}

async fn check_receivers(stack: &Stack, chain: &Chain, books: &Books) -> Result<()> {
    let addresses = chain.addresses();
    let market = addresses.marketplace.context("no marketplace")?;
    let sums = |totals: &Totals, token| totals.get(&(chain.chain_id(), token)).copied().unwrap_or_default();
    let (token, native) = (sums(&books.charges, addresses.token), sums(&books.charges, Address::ZERO));
    let sold = sums(&books.sales, addresses.token);
    let relays = books.relays.get(&chain.chain_id()).copied().unwrap_or_default();
    for (what, account, expected) in [
        ("the merchant's tokens", Role::Merchant(0).address(), token.net()),
        ("the seller's tokens", marketplace::SELLER.address(), sold.net()),
        ("the fee receiver's tokens", addresses.fee_receiver, token.fee + sold.fee),
        ("the manager's tokens", addresses.subscription_manager, U256::ZERO),
        ("the marketplace's tokens", market, U256::ZERO),
    ] {
        equal(chain, what, chain.balance_of(account).await?, expected)?;
    }
    for (what, account, expected) in [
        ("the merchant's native coin", Role::Merchant(0).address(), NATIVE_AT_START + native.net()),
        ("the fee receiver's native coin", addresses.fee_receiver, NATIVE_AT_START + native.fee),
        ("the manager's native coin", addresses.subscription_manager, deposits(stack, chain).await?),
        ("the marketplace's native coin", market, U256::ZERO),
        ("the relayer's native coin", Role::Relayer.address(), NATIVE_AT_START - relays),
    ] {
        equal(chain, what, chain.provider().get_balance(account).await?, expected)?;
    }
    Ok(())
}

async fn deposits(stack: &Stack, chain: &Chain) -> Result<U256> {
    let manager = SubscriptionManager::new(chain.addresses().subscription_manager, chain.provider());
    let mut sum = U256::ZERO;
    for (account, balance) in ledger::deposits(stack, chain.chain_id()).await? {
        let found = manager.nativeDepositOf(account).call().await?;
        equal(chain, &format!("the deposit of {account}"), found, balance)?;
        sum += balance;
    }
    Ok(sum)
}
