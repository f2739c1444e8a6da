//! Outgoing transactions: stored before they are broadcast (`docs/decisions/0002`).

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
    providers::Provider,
    signers::{SignerSync, local::PrivateKeySigner},
};
use sqlx::{PgConnection, PgPool};

use super::{
    CallRequest, ChainError, Rpc,
    fees::{self, Fees},
    revert, tx_repo,
};
use crate::ids::{ChainId, ChainTxId};

/// A signed transaction as it stands in `chain_tx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainTx {
    /// Our id.
    pub id: ChainTxId,
    /// The first transaction of this nonce when this one replaces it; what domains link their rows to.
    pub replaces: Option<ChainTxId>,
    /// Chain.
    pub chain_id: ChainId,
    /// Account that signed.
    pub sender: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Hash.
    pub hash: B256,
    /// Signed bytes (EIP-2718).
    pub raw: Bytes,
    /// What it calls.
    pub call: CallRequest,
    /// Gas limit.
    pub gas_limit: u64,
    /// Fees signed.
    pub fees: Fees,
    /// Seconds since it was last broadcast; `None` when it never was.
    pub broadcast_age_secs: Option<i64>,
}

impl ChainTx {
    /// The id that stays the same through replacements.
    #[must_use]
    pub fn root(&self) -> ChainTxId {
        self.replaces.unwrap_or(self.id)
    }
}

/// What a node must be asked before an SQL transaction is opened.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    /// First nonce that no mined transaction of the sender has.
    pub chain_nonce: u64,
    /// Fees of now.
    pub fees: Fees,
}

/// Asks for nonce and fees.
///
/// # Errors
/// `FeeAboveCap`; a node's.
pub async fn quote(rpc: &Rpc, sender: Address) -> Result<Quote, ChainError> {
    let chain_nonce = rpc.provider.get_transaction_count(sender).await.map_err(|e| rpc.error(&e))?;
    Ok(Quote { chain_nonce, fees: fees::current(rpc).await? })
}

/// Takes the next nonce, signs, and stores the transaction. The sender's row stays locked until the caller commits, so
/// two processes never take one nonce.
///
/// # Errors
/// `Key` when signing fails; the database's.
pub async fn prepare_in_tx(
    conn: &mut PgConnection,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    call: &CallRequest,
    gas_limit: u64,
    quote: &Quote,
) -> Result<ChainTx, ChainError> {
    let chain_id = rpc.network.chain_id;
    tx_repo::lock_signer(conn, chain_id, signer.address()).await?;
    let nonce = tx_repo::next_nonce(conn, chain_id, signer.address(), quote.chain_nonce).await?;
    let tx = sign(chain_id, signer, call, gas_limit, nonce, quote.fees, None)?;
    tx_repo::insert(conn, &tx).await?;
    Ok(tx)
}

/// Signs `old` again with higher fees, under the same nonce.
pub(super) fn sign_replacement(signer: &PrivateKeySigner, old: &ChainTx, fees: Fees) -> Result<ChainTx, ChainError> {
    sign(old.chain_id, signer, &old.call, old.gas_limit, old.nonce, fees, Some(old.root()))
}

fn sign(
    chain_id: ChainId,
    signer: &PrivateKeySigner,
    call: &CallRequest,
    gas_limit: u64,
    nonce: u64,
    fees: Fees,
    replaces: Option<ChainTxId>,
) -> Result<ChainTx, ChainError> {
    let unsigned = TxEip1559 {
        chain_id: chain_id.as_u64(),
        nonce,
        gas_limit,
        max_fee_per_gas: fees.max_fee,
        max_priority_fee_per_gas: fees.priority,
        to: TxKind::Call(call.to),
        value: call.value,
        input: call.data.clone(),
        access_list: alloy::eips::eip2930::AccessList::default(),
    };
    let signature = signer
        .sign_hash_sync(&unsigned.signature_hash())
        .map_err(|error| ChainError::Key(format!("cannot sign: {error}")))?;
    let envelope = TxEnvelope::from(unsigned.into_signed(signature));
    Ok(ChainTx {
        id: ChainTxId::new(),
        replaces,
        chain_id,
        sender: signer.address(),
        nonce,
        hash: *envelope.tx_hash(),
        raw: envelope.encoded_2718().into(),
        call: call.clone(),
        gas_limit,
        fees,
        broadcast_age_secs: None,
    })
}

/// Tells a node. Whatever it answers, the transaction may be on its way: only [`super::resolve`] finds out.
///
/// # Errors
/// The database's.
pub async fn broadcast(pool: &PgPool, rpc: &Rpc, tx: &ChainTx) -> Result<(), ChainError> {
    if let Err(error) = rpc.provider.send_raw_transaction(&tx.raw).await {
        // "already known" and "nonce too low" are facts about the past, an outage may be one about the answer only.
        tracing::warn!(tx.hash = %tx.hash, nonce = tx.nonce, network = %rpc.network.name,
            "broadcast: {}", rpc.error(&error));
    }
    Ok(tx_repo::mark_broadcast(pool, tx.id).await?)
}

/// Stores and broadcasts one transaction that no other row depends on.
///
/// # Errors
/// `FeeAboveCap`, `Key`, a node's before anything was stored, the database's.
pub async fn submit(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    call: &CallRequest,
    gas_limit: u64,
) -> Result<ChainTx, ChainError> {
    let quote = quote(rpc, signer.address()).await?;
    let mut db_tx = pool.begin().await?;
    let tx = prepare_in_tx(&mut db_tx, rpc, signer, call, gas_limit, &quote).await?;
    db_tx.commit().await?;
    broadcast(pool, rpc, &tx).await?;
    Ok(tx)
}

/// What became of a call that must not be under way twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnceOutcome {
    /// Stored and broadcast now.
    Submitted(Box<ChainTx>),
    /// An earlier transaction of the same purpose is still open; this is its hash.
    Pending(B256),
}

/// Purpose and hash of the sender's last open transaction with one of these purposes: what the chain will be like when
/// it is mined. Nodes estimate on top of it, so a repeated call seems to revert.
///
/// # Errors
/// The database's.
pub async fn last_pending(
    pool: &PgPool,
    rpc: &Rpc,
    sender: Address,
    purposes: &[&str],
) -> Result<Option<(String, B256)>, ChainError> {
    Ok(tx_repo::last_pending(pool, rpc.network.chain_id, sender, purposes).await?)
}

/// As [`submit`], but sends nothing while the signer has an open transaction of the same purpose. Decided under the lock
/// of the sender's row, so two processes never send both.
///
/// # Errors
/// As [`submit`].
pub async fn submit_once(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    call: &CallRequest,
    gas_limit: u64,
) -> Result<OnceOutcome, ChainError> {
    let quote = quote(rpc, signer.address()).await?;
    let mut db_tx = pool.begin().await?;
    tx_repo::lock_signer(&mut db_tx, rpc.network.chain_id, signer.address()).await?;
    let purposes = [call.purpose.as_str()];
    let open = tx_repo::last_pending(&mut *db_tx, rpc.network.chain_id, signer.address(), &purposes).await?;
    if let Some((_, hash)) = open {
        return Ok(OnceOutcome::Pending(hash));
    }
    let tx = prepare_in_tx(&mut db_tx, rpc, signer, call, gas_limit, &quote).await?;
    db_tx.commit().await?;
    broadcast(pool, rpc, &tx).await?;
    Ok(OnceOutcome::Submitted(Box::new(tx)))
}

/// Gas limit for a call: the node's estimate and a fifth more, within the network's limit.
///
/// # Errors
/// `Reverts` with the contract's typed error when the call would fail; a node's.
pub async fn estimate_gas(rpc: &Rpc, sender: Address, call: &CallRequest) -> Result<u64, ChainError> {
    let request = alloy::rpc::types::TransactionRequest::default()
        .from(sender)
        .to(call.to)
        .input(call.data.clone().into())
        .value(call.value);
    let gas = rpc.provider.estimate_gas(request).await.map_err(|error| {
        let data = error.as_error_resp().and_then(|response| response.as_revert_data());
        match data {
            Some(data) => ChainError::Reverts {
                network: rpc.network.name.clone(),
                reason: revert::explain(&data).unwrap_or_else(|| rpc.error(&error).to_string()),
                data,
            },
            None => rpc.error(&error),
        }
    })?;
    Ok((gas + gas / 5).min(rpc.network.max_gas_per_tx))
}

/// Wei as the column keeps it.
pub(super) fn wei(amount: u128) -> U256 {
    U256::from(amount)
}
