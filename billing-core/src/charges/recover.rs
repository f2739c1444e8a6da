//! What dead processes, or slow ones, left behind.

use alloy::signers::local::PrivateKeySigner;
use sqlx::PgPool;

use super::{ChargeError, Row, due, record, record_repo};
use crate::chain::{self, Rpc};

/// Resolves every open transaction and records what those that are over said about their charges. What is to be done is
/// read from the tables each time, so a death in the middle of this is nothing special either.
///
/// # Errors
/// A node's, the database's; what was recorded before stays.
pub(super) async fn recover(pool: &PgPool, rpc: &Rpc, signer: &PrivateKeySigner) -> Result<Vec<Row>, ChargeError> {
    let now = due::chain_time(rpc).await?;
    chain::resolve(pool, rpc, signer).await?;
    record_repo::resubmit(pool, rpc.network.chain_id).await?;
    let mut rows = Vec::new();
    for root in record_repo::unrecorded(pool, rpc.network.chain_id).await? {
        match chain::outcome(pool, rpc, root).await? {
            Some((tx, receipt)) => {
                let recorded = record::receipt(pool, rpc, &tx, &receipt, now).await?;
                rows.extend(recorded.into_iter().filter(|row| row.counts));
            }
            None => record_repo::unsend(pool, root, None).await?,
        }
    }
    Ok(rows)
}
