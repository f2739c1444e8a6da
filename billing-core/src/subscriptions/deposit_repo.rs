//! SQL of `billing_native_deposit`, for the mirror.

use alloy::primitives::Address;
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::deposit::DepositState;
use crate::ids::ChainId;

/// Those of the accounts that have a deposit on the chain.
pub(crate) async fn load(
    conn: &mut PgConnection,
    chain_id: ChainId,
    accounts: &[Address],
) -> sqlx::Result<Vec<DepositState>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let accounts: Vec<&[u8]> = accounts.iter().map(|account| account.as_slice()).collect();
    let rows = sqlx::query(
        "select chain_id, account, balance, updated_block
           from billing_native_deposit
          where chain_id = $1 and account = any($2)",
    )
    .bind(chain_id)
    .bind(accounts)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

/// All deposits of the chain, by account.
pub(crate) async fn all(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<DepositState>> {
    let rows = sqlx::query(
        "select chain_id, account, balance, updated_block
           from billing_native_deposit
          where chain_id = $1
          order by account",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Writes the states as they are now.
pub(crate) async fn upsert(conn: &mut PgConnection, deposits: &[&DepositState]) -> sqlx::Result<()> {
    if deposits.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into billing_native_deposit (chain_id, account, balance, updated_block)
         select * from unnest($1::bigint[], $2::bytea[], $3::numeric[], $4::bigint[])
         on conflict (chain_id, account) do update
            set balance = excluded.balance, updated_block = excluded.updated_block",
    )
    .bind(deposits.iter().map(|deposit| deposit.chain_id.0).collect::<Vec<_>>())
    .bind(deposits.iter().map(|deposit| deposit.account.as_slice()).collect::<Vec<_>>())
    .bind(deposits.iter().map(|deposit| deposit.balance).collect::<Vec<_>>())
    .bind(deposits.iter().map(|deposit| deposit.updated_block).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets deposits whose first payment was undone.
pub(crate) async fn delete(conn: &mut PgConnection, chain_id: ChainId, accounts: &[Address]) -> sqlx::Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let accounts: Vec<&[u8]> = accounts.iter().map(|account| account.as_slice()).collect();
    sqlx::query("delete from billing_native_deposit where chain_id = $1 and account = any($2)")
        .bind(chain_id)
        .bind(accounts)
        .execute(conn)
        .await?;
    Ok(())
}

fn from_row(row: &PgRow) -> sqlx::Result<DepositState> {
    Ok(DepositState {
        chain_id: row.try_get("chain_id")?,
        account: Address::from_slice(row.try_get("account")?),
        balance: row.try_get("balance")?,
        updated_block: row.try_get("updated_block")?,
    })
}
