//! What our database says was paid: charges, sales, and gas for others.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use anyhow::Result;
use billing_core::money::TokenAmount;
use e2e::Stack;
use sqlx::{Row, postgres::PgRow};

/// Payments of one sort in one token.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sums {
    /// How many.
    pub count: u64,
    /// Taken from payers.
    pub gross: U256,
    /// Of that, paid to the fee receiver.
    pub fee: U256,
}

impl Sums {
    /// Together with `other`.
    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        self.gross += other.gross;
        self.fee += other.fee;
    }

    /// What the merchant or the seller got.
    pub fn net(&self) -> U256 {
        self.gross - self.fee
    }
}

/// By payer and token.
pub type Payments = BTreeMap<(Address, Address), Sums>;

/// Charges on one canonical chain.
pub async fn charges(stack: &Stack, chain_id: u64) -> Result<Payments> {
    let rows = sqlx::query(
        "select subscriber as payer, token as payment_token, count(*) as count, sum(gross) as gross, sum(fee) as fee
         from billing_charge
         where chain_id = $1
         group by subscriber, token",
    )
    .bind(i64::try_from(chain_id)?)
    .fetch_all(stack.database.pool())
    .await?;
    rows.iter().map(payment).collect()
}

/// Sales of one chain by one seller.
pub async fn sales(stack: &Stack, chain_id: u64, seller: Address) -> Result<Payments> {
    let rows = sqlx::query(
        "select buyer as payer, payment_token, count(*) as count, sum(gross) as gross, sum(fee) as fee
         from billing_marketplace_sale where chain_id = $1 and seller = $2
         group by buyer, payment_token",
    )
    .bind(i64::try_from(chain_id)?)
    .bind(seller.as_slice())
    .fetch_all(stack.database.pool())
    .await?;
    rows.iter().map(payment).collect()
}

fn payment(row: &PgRow) -> Result<((Address, Address), Sums)> {
    let payer = Address::try_from(row.try_get::<&[u8], _>("payer")?)?;
    let token = Address::try_from(row.try_get::<&[u8], _>("payment_token")?)?;
    let sums = Sums {
        count: u64::try_from(row.try_get::<i64, _>("count")?)?,
        gross: row.try_get::<TokenAmount, _>("gross")?.0,
        fee: row.try_get::<TokenAmount, _>("fee")?.0,
    };
    Ok(((payer, token), sums))
}

/// Wei that relays of one chain cost us.
pub async fn relay_fees(stack: &Stack, chain_id: u64) -> Result<U256> {
    let sum: Option<TokenAmount> = sqlx::query_scalar("select sum(fee_wei) from billing_relay where chain_id = $1")
        .bind(i64::try_from(chain_id)?)
        .fetch_one(stack.database.pool())
        .await?;
    Ok(sum.map(|sum| sum.0).unwrap_or_default())
}

/// Deposits of native coin on one chain, by account.
pub async fn deposits(stack: &Stack, chain_id: u64) -> Result<BTreeMap<Address, U256>> {
    let rows = sqlx::query("select account, balance from billing_native_deposit where chain_id = $1")
        .bind(i64::try_from(chain_id)?)
        .fetch_all(stack.database.pool())
        .await?;
    let deposit = |row: &PgRow| {
        let account = Address::try_from(row.try_get::<&[u8], _>("account")?)?;
        Ok((account, row.try_get::<TokenAmount, _>("balance")?.0))
    };
    rows.iter().map(deposit).collect()
}
