//! What relays came to and what they cost.

use sqlx::PgPool;

use super::{
    MandateError, RelayStatus,
    repo::{self, Cost},
};
use crate::{
    chain::{self, Rpc},
    ids::RelayId,
};

/// Records the receipts of relays whose transactions [`chain::resolve`] has ended, and takes back what an orphaned block
/// said. Reads from the tables what is left to do, so it may be killed at any time. Answers what was settled.
///
/// # Errors
/// A node's or the database's; what was settled before stays.
pub async fn settle(pool: &PgPool, rpc: &Rpc) -> Result<Vec<(RelayId, RelayStatus)>, MandateError> {
    let chain_id = rpc.network.chain_id;
    repo::reopen(pool, chain_id).await?;
    let mut settled = Vec::new();
    for (id, root, mined) in repo::unsettled(pool, chain_id).await? {
        let (status, cost) = match chain::outcome(pool, rpc, root).await? {
            // A node that has not seen the block yet is asked again.
            None if mined => continue,
            None => (RelayStatus::Dropped, None),
            Some((_, receipt)) => {
                let status = if receipt.status() { RelayStatus::Mined } else { RelayStatus::Reverted };
                let cost = Cost { gas_used: receipt.gas_used, effective_gas_price: receipt.effective_gas_price };
                (status, Some(cost))
            }
        };
        repo::settle(pool, id, status, cost).await?;
        settled.push((id, status));
    }
    Ok(settled)
}
