//! All SQL of `chain_tx` and `chain_signer`.

use alloy::primitives::{Address, B256, Bytes};
use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};

use super::{CallRequest, fees::Fees, tx::ChainTx, tx::wei};
use crate::{
    ids::{ChainId, ChainTxId},
    money::TokenAmount,
};

/// Rows as [`from_row`] reads them.
macro_rules! select_tx {
    ($tail:literal) => {
        concat!(
            "select chain_tx_id, replaces, chain_id, sender, nonce, tx_hash, raw, receiver, call_data, value_wei, gas_limit,
                    max_fee_wei, priority_fee_wei, purpose,
                    extract(epoch from now() - broadcast_at)::bigint as broadcast_age_secs
             from chain_tx ",
            $tail
        )
    };
}

pub(super) async fn lock_signer(conn: &mut PgConnection, chain_id: ChainId, sender: Address) -> sqlx::Result<()> {
    sqlx::query("insert into chain_signer (chain_id, sender) values ($1, $2) on conflict do nothing")
        .bind(chain_id)
        .bind(sender.as_slice())
        .execute(&mut *conn)
        .await?;
    sqlx::query("select sender from chain_signer where chain_id = $1 and sender = $2 for update")
        .bind(chain_id)
        .bind(sender.as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

/// The first nonce from the chain's on that none of our transactions has. One that was mined keeps its nonce even when
/// the chain has forgotten it: `resolve` sends it again.
pub(super) async fn next_nonce(
    conn: &mut PgConnection,
    chain_id: ChainId,
    sender: Address,
    chain_nonce: u64,
) -> sqlx::Result<u64> {
    let taken: Vec<i64> = sqlx::query_scalar(
        "select nonce from chain_tx
         where chain_id = $1 and sender = $2 and nonce >= $3 and status in ('pending', 'mined', 'reverted')
         order by nonce",
    )
    .bind(chain_id)
    .bind(sender.as_slice())
    .bind(chain_nonce.cast_signed())
    .fetch_all(conn)
    .await?;
    let mut nonce = chain_nonce;
    for used in taken {
        if used.cast_unsigned() == nonce {
            nonce += 1;
        }
    }
    Ok(nonce)
}

pub(super) async fn insert(conn: &mut PgConnection, tx: &ChainTx) -> sqlx::Result<()> {
    sqlx::query(
        "insert into chain_tx (chain_tx_id, replaces, chain_id, sender, nonce, tx_hash, raw, receiver, call_data, value_wei,
                               gas_limit, max_fee_wei, priority_fee_wei, purpose, status)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'pending')",
    )
    .bind(tx.id)
    .bind(tx.replaces)
    .bind(tx.chain_id)
    .bind(tx.sender.as_slice())
    .bind(tx.nonce.cast_signed())
    .bind(tx.hash.as_slice())
    .bind(&tx.raw[..])
    .bind(tx.call.to.as_slice())
    .bind(&tx.call.data[..])
    .bind(TokenAmount(tx.call.value))
    .bind(tx.gas_limit.cast_signed())
    .bind(TokenAmount(wei(tx.fees.max_fee)))
    .bind(TokenAmount(wei(tx.fees.priority)))
    .bind(&tx.call.purpose)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes the first broadcast; later ones do not put the fee's raise off.
pub(super) async fn mark_broadcast(conn: impl PgExecutor<'_>, id: ChainTxId) -> sqlx::Result<()> {
    sqlx::query("update chain_tx set broadcast_at = coalesce(broadcast_at, now()) where chain_tx_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Pending transactions of a sender and those they replaced, by nonce, the pending one of a nonce first.
pub(super) async fn open(conn: impl PgExecutor<'_>, chain_id: ChainId, sender: Address) -> sqlx::Result<Vec<ChainTx>> {
    let rows = sqlx::query(select_tx!(
        "where chain_id = $1 and sender = $2 and status in ('pending', 'replaced')
           and nonce in (select nonce from chain_tx where chain_id = $1 and sender = $2 and status = 'pending')
         order by nonce, status, created_at desc"
    ))
    .bind(chain_id)
    .bind(sender.as_slice())
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Purpose and hash of the sender's last open transaction with one of these purposes.
pub(super) async fn last_pending(
    conn: impl PgExecutor<'_>,
    chain_id: ChainId,
    sender: Address,
    purposes: &[&str],
) -> sqlx::Result<Option<(String, B256)>> {
    let last: Option<(String, Vec<u8>)> = sqlx::query_as(
        "select purpose, tx_hash from chain_tx
         where chain_id = $1 and sender = $2 and purpose = any($3) and status = 'pending'
         order by nonce desc limit 1",
    )
    .bind(chain_id)
    .bind(sender.as_slice())
    .bind(purposes)
    .fetch_optional(conn)
    .await?;
    Ok(last.map(|(purpose, hash)| (purpose, B256::from_slice(&hash))))
}

/// Transactions that were mined under nonces which the chain no longer counts: their blocks were orphaned.
pub(super) async fn reopen_orphaned(
    conn: impl PgExecutor<'_>,
    chain_id: ChainId,
    sender: Address,
    chain_nonce: u64,
) -> sqlx::Result<Vec<ChainTxId>> {
    sqlx::query_scalar(
        "update chain_tx set status = 'pending', block_number = null, block_hash = null, gas_used = null, settled_at = null,
                             broadcast_at = null
         where chain_id = $1 and sender = $2 and nonce >= $3 and status in ('mined', 'reverted')
         returning coalesce(replaces, chain_tx_id)",
    )
    .bind(chain_id)
    .bind(sender.as_slice())
    .bind(chain_nonce.cast_signed())
    .fetch_all(conn)
    .await
}

/// Accounts that ever sent on a chain.
pub(super) async fn senders(conn: impl PgExecutor<'_>, chain_id: ChainId) -> sqlx::Result<Vec<Address>> {
    let senders: Vec<Vec<u8>> =
        sqlx::query_scalar("select sender from chain_signer where chain_id = $1 order by sender")
            .bind(chain_id)
            .fetch_all(conn)
            .await?;
    Ok(senders.iter().map(|sender| Address::from_slice(sender)).collect())
}

/// A transaction and all that replaced it, whatever became of them, the latest first.
pub(super) async fn by_root(conn: impl PgExecutor<'_>, root: ChainTxId) -> sqlx::Result<Vec<ChainTx>> {
    let rows = sqlx::query(select_tx!("where chain_tx_id = $1 or replaces = $1 order by created_at desc"))
        .bind(root)
        .fetch_all(conn)
        .await?;
    rows.iter().map(from_row).collect()
}

/// What a receipt says: one transaction of a nonce was mined, the pending one it replaced (or that replaced it) was not.
/// The sender's row must be locked, or a replacement that is being made stays pending.
pub(super) async fn settle(
    conn: &mut PgConnection,
    tx: &ChainTx,
    success: bool,
    block_number: u64,
    block_hash: B256,
    gas_used: u64,
) -> sqlx::Result<()> {
    sqlx::query(
        "update chain_tx set status = 'replaced'
         where chain_id = $1 and sender = $2 and nonce = $3 and status = 'pending' and chain_tx_id <> $4",
    )
    .bind(tx.chain_id)
    .bind(tx.sender.as_slice())
    .bind(tx.nonce.cast_signed())
    .bind(tx.id)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update chain_tx
         set status = $2, block_number = $3, block_hash = $4, gas_used = $5, settled_at = now()
         where chain_tx_id = $1",
    )
    .bind(tx.id)
    .bind(if success { "mined" } else { "reverted" })
    .bind(block_number.cast_signed())
    .bind(block_hash.as_slice())
    .bind(gas_used.cast_signed())
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a pending transaction without a receipt; false when another process was faster.
pub(super) async fn end_pending(conn: impl PgExecutor<'_>, id: ChainTxId, status: &str) -> sqlx::Result<bool> {
    let done = sqlx::query("update chain_tx set status = $2 where chain_tx_id = $1 and status = 'pending'")
        .bind(id)
        .bind(status)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

fn from_row(row: &PgRow) -> sqlx::Result<ChainTx> {
    let bytes = |column: &str| row.try_get::<Vec<u8>, _>(column);
    let wei = |column: &str| row.try_get::<TokenAmount, _>(column);
    Ok(ChainTx {
        id: row.try_get("chain_tx_id")?,
        replaces: row.try_get("replaces")?,
        chain_id: row.try_get("chain_id")?,
        sender: Address::from_slice(&bytes("sender")?),
        nonce: row.try_get::<i64, _>("nonce")?.cast_unsigned(),
        hash: B256::from_slice(&bytes("tx_hash")?),
        raw: Bytes::from(bytes("raw")?),
        call: CallRequest {
            to: Address::from_slice(&bytes("receiver")?),
            data: Bytes::from(bytes("call_data")?),
            value: wei("value_wei")?.0,
            purpose: row.try_get("purpose")?,
        },
        gas_limit: row.try_get::<i64, _>("gas_limit")?.cast_unsigned(),
        fees: Fees {
            max_fee: wei("max_fee_wei")?.0.saturating_to(),
            priority: wei("priority_fee_wei")?.0.saturating_to(),
        },
        broadcast_age_secs: row.try_get("broadcast_age_secs")?,
    })
}
