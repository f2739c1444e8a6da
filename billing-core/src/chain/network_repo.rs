//! SQL of `chain_network`.

use alloy::primitives::B256;
use sqlx::PgConnection;

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
