//! What became of the transactions that were stored: by a receipt, a nonce, or another broadcast.

use alloy::{
    primitives::Address, providers::Provider, rpc::types::TransactionReceipt, signers::local::PrivateKeySigner,
};
use sqlx::PgPool;

use super::{
    ChainError, Rpc, fees,
    tx::{self, ChainTx},
    tx_repo,
};
use crate::ids::ChainTxId;

/// What is now known of one nonce.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// Mined; the receipt says whether it succeeded.
    Mined(ChainTx, Box<TransactionReceipt>),
    /// Its nonce was used by a transaction that is not ours: nothing of it happened.
    Dropped(ChainTx),
    /// Its block was orphaned; it is pending again under this id.
    Orphaned(ChainTxId),
}

/// Looks at every open transaction of the network: records receipts, broadcasts again what the node does not know, and
/// raises the fee of what waits too long. Those of other senders (a key that was replaced by `signer`, say) are looked
/// at too, but only their own key could raise their fee. Safe in several processes at once.
///
/// # Errors
/// A node's or the database's; what was found before is stored.
pub async fn resolve(pool: &PgPool, rpc: &Rpc, signer: &PrivateKeySigner) -> Result<Vec<Resolved>, ChainError> {
    let mut resolved = Vec::new();
    for sender in tx_repo::senders(pool, rpc.network.chain_id).await? {
        resolve_sender(pool, rpc, signer, sender, &mut resolved).await?;
    }
    Ok(resolved)
}

async fn resolve_sender(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    sender: Address,
    resolved: &mut Vec<Resolved>,
) -> Result<(), ChainError> {
    // Read before the receipts: what is mined in between has one, and is not taken for dropped.
    let nonce = rpc.provider.get_transaction_count(sender).await.map_err(|e| rpc.error(&e))?;
    let orphaned = tx_repo::reopen_orphaned(pool, rpc.network.chain_id, sender, nonce).await?;
    resolved.extend(orphaned.into_iter().map(Resolved::Orphaned));
    let open = tx_repo::open(pool, rpc.network.chain_id, sender).await?;
    for group in open.chunk_by(|a, b| a.nonce == b.nonce) {
        if let Some(fact) = resolve_nonce(pool, rpc, signer, group, nonce).await? {
            resolved.push(fact);
        }
    }
    Ok(())
}

/// `group` is every transaction of one nonce, the pending one first.
async fn resolve_nonce(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    group: &[ChainTx],
    chain_nonce: u64,
) -> Result<Option<Resolved>, ChainError> {
    for tx in group {
        if let Some(receipt) = receipt(pool, rpc, tx).await? {
            return Ok(Some(Resolved::Mined(tx.clone(), Box::new(receipt))));
        }
    }
    let Some(pending) = group.first() else { return Ok(None) };
    if pending.nonce < chain_nonce {
        let ours = tx_repo::end_pending(pool, pending.id, "dropped").await?;
        return Ok(ours.then(|| Resolved::Dropped(pending.clone())));
    }
    let waits_long = pending.broadcast_age_secs.is_some_and(|age| age.unsigned_abs() >= rpc.network.replace_after_secs);
    if waits_long && pending.sender == signer.address() {
        replace(pool, rpc, signer, pending).await?;
    } else if !is_known(rpc, pending).await? {
        tx::broadcast(pool, rpc, pending).await?;
    }
    Ok(None)
}

/// The receipt of a mined transaction, after `chain_tx` says so.
///
/// # Errors
/// A node's or the database's.
pub async fn receipt(pool: &PgPool, rpc: &Rpc, tx: &ChainTx) -> Result<Option<TransactionReceipt>, ChainError> {
    let found = rpc.provider.get_transaction_receipt(tx.hash).await.map_err(|e| rpc.error(&e))?;
    let Some(receipt) = found else { return Ok(None) };
    let (Some(number), Some(hash)) = (receipt.block_number, receipt.block_hash) else { return Ok(None) };
    let mut db_tx = pool.begin().await?;
    tx_repo::lock_signer(&mut db_tx, tx.chain_id, tx.sender).await?;
    tx_repo::settle(&mut db_tx, tx, receipt.status(), number, hash, receipt.gas_used).await?;
    db_tx.commit().await?;
    Ok(Some(receipt))
}

/// Which of a transaction and its replacements was mined, with its receipt; `None` when none of them was. `root` is the
/// first one's id.
///
/// # Errors
/// A node's or the database's.
pub async fn outcome(
    pool: &PgPool,
    rpc: &Rpc,
    root: ChainTxId,
) -> Result<Option<(ChainTx, TransactionReceipt)>, ChainError> {
    for tx in tx_repo::by_root(pool, root).await? {
        if let Some(receipt) = receipt(pool, rpc, &tx).await? {
            return Ok(Some((tx, receipt)));
        }
    }
    Ok(None)
}

async fn is_known(rpc: &Rpc, tx: &ChainTx) -> Result<bool, ChainError> {
    let found = rpc.provider.get_transaction_by_hash(tx.hash).await.map_err(|e| rpc.error(&e))?;
    Ok(found.is_some())
}

async fn replace(pool: &PgPool, rpc: &Rpc, signer: &PrivateKeySigner, old: &ChainTx) -> Result<(), ChainError> {
    let higher = match fees::current(rpc).await {
        Ok(current) => old.fees.replacing(current, rpc.network.max_fee_gwei),
        Err(ChainError::FeeAboveCap { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(higher) = higher else {
        tracing::warn!(tx.hash = %old.hash, network = %rpc.network.name, "waits, and max_fee_gwei forbids a higher fee");
        return tx::broadcast(pool, rpc, old).await;
    };
    let new = tx::sign_replacement(signer, old, higher)?;
    let mut db_tx = pool.begin().await?;
    tx_repo::lock_signer(&mut db_tx, old.chain_id, old.sender).await?;
    if !tx_repo::end_pending(&mut *db_tx, old.id, "replaced").await? {
        return Ok(());
    }
    tx_repo::insert(&mut db_tx, &new).await?;
    db_tx.commit().await?;
    tracing::info!(tx.old = %old.hash, tx.new = %new.hash, nonce = old.nonce, network = %rpc.network.name, "fee raised");
    tx::broadcast(pool, rpc, &new).await
}
