//! Where the node's chain leaves the mirror's.

use billing_core::{
    chain::Rpc,
    mirror::{Header, MirrorError},
};

use crate::fetch::{self, FetchError};

/// The highest of the stored headers that the node still has; `stored` begins with the highest.
///
/// # Errors
/// `BeyondWindow` when it has none of them; the node's.
pub(crate) async fn find_fork(rpc: &Rpc, stored: &[Header]) -> Result<Header, FetchError> {
    for mine in stored {
        let theirs = fetch::header(rpc, mine.number).await?.ok_or_else(|| {
            MirrorError::Inconsistent(format!("the node lost block {} below its own head", mine.number))
        })?;
        if theirs.hash == mine.hash {
            return Ok(*mine);
        }
    }
    let oldest = stored.last().map_or(0, |header| header.number);
    Err(MirrorError::BeyondWindow { chain_id: rpc.network.chain_id, oldest }.into())
}
