//! SQL of `chain_network` and `chain_contract`.

use alloy::primitives::{Address, B256};
use sqlx::{PgConnection, Row};

use crate::ids::ChainId;

/// Stores the network unless it is there, gives it this name, and answers the genesis hash it was first seen with.
pub(super) async fn register(
    conn: &mut PgConnection,
    chain_id: ChainId,
    name: &str,
    genesis_hash: B256,
) -> sqlx::Result<B256> {
    let stored: Vec<u8> = sqlx::query_scalar(
        "insert into chain_network (chain_id, name, genesis_hash)
         values ($1, $2, $3)
         on conflict (chain_id) do update set name = excluded.name
         returning genesis_hash",
    )
    .bind(chain_id)
    .bind(name)
    .bind(genesis_hash.as_slice())
    .fetch_one(conn)
    .await?;
    Ok(B256::from_slice(&stored))
}

/// Stores the code of the contracts that are not there yet, and answers what code each was first seen with.
pub(super) async fn first_code(
    conn: &mut PgConnection,
    chain_id: ChainId,
    contracts: &[(Address, B256)],
) -> sqlx::Result<Vec<(Address, B256)>> {
    let addresses: Vec<&[u8]> = contracts.iter().map(|(address, _)| address.as_slice()).collect();
    sqlx::query(
        "insert into chain_contract (chain_id, address, code_hash)
         select $1, address, code_hash from unnest($2::bytea[], $3::bytea[]) as contract (address, code_hash)
         on conflict (chain_id, address) do nothing",
    )
    .bind(chain_id)
    .bind(&addresses)
    .bind(contracts.iter().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query("select address, code_hash from chain_contract where chain_id = $1 and address = any($2)")
        .bind(chain_id)
        .bind(&addresses)
        .fetch_all(conn)
        .await?;
    let stored = rows
        .iter()
        .map(|row| Ok((Address::from_slice(row.try_get("address")?), B256::from_slice(row.try_get("code_hash")?))));
    stored.collect()
}
