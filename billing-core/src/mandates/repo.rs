//! All SQL of `billing_relay`.

use alloy::primitives::{Address, B256, U256};
use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{Relay, RelayKind, RelayStatus, limits::Spent};
use crate::{
    ids::{ChainId, ChainTxId, RelayId},
    money::TokenAmount,
};

/// Lets one relay of a chain be decided at a time, until the transaction ends.
pub(super) async fn lock_chain(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('billing_relay', $1))")
        .bind(chain_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// What was sent since `since`: of one subscriber (cancellations, or all else), and of the chain. What was dropped cost
/// nothing and counts for nothing. What is sent again with a higher fee counts with that one at once, so that later relays
/// are decided by what may really be paid; the sending again itself is not refused, for its nonce blocks all after it.
pub(super) async fn spent(
    conn: &mut PgConnection,
    chain_id: ChainId,
    subscriber: Address,
    kind: RelayKind,
    since: OffsetDateTime,
) -> sqlx::Result<Spent> {
    let row = sqlx::query(
        "select count(*) filter (where own) as count, min(created_at) filter (where own) as oldest,
                coalesce(sum(coalesce(fee_wei, reserved_wei)), 0) as wei, min(created_at) as network_oldest
         from (select b.created_at, fee_wei, subscriber = $2 and (kind = 'cancel') = $3 as own,
                      case when fee_wei is null then greatest(reserved_wei, b.gas_limit *
                          (select max(t.max_fee_wei) from chain_tx f join chain_tx t using (chain_id, sender, nonce)
                           where f.chain_tx_id = b.chain_tx_id)) end as reserved_wei
               from billing_relay b where b.chain_id = $1 and b.created_at > $4 and b.status <> 'dropped') r",
    )
    .bind(chain_id)
    .bind(subscriber.as_slice())
    .bind(kind == RelayKind::Cancel)
    .bind(since)
    .fetch_one(conn)
    .await?;
    Ok(Spent {
        count: u32::try_from(row.try_get::<i64, _>("count")?).unwrap_or(u32::MAX),
        oldest: row.try_get("oldest")?,
        wei: row.try_get::<TokenAmount, _>("wei")?.0,
        network_oldest: row.try_get("network_oldest")?,
    })
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    relay: &Relay,
    tx: ChainTxId,
    reserved_wei: U256,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into billing_relay (relay_id, chain_id, kind, plan_hash, subscriber, nonce, payload_hash, chain_tx_id,
                                    status, gas_limit, reserved_wei, requested_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'submitted', $9, $10, $11, $12)",
    )
    .bind(relay.id)
    .bind(relay.chain_id)
    .bind(relay.kind.as_str())
    .bind(relay.plan_hash.as_slice())
    .bind(relay.subscriber.as_slice())
    .bind(TokenAmount(relay.nonce))
    .bind(relay.payload_hash.as_slice())
    .bind(tx)
    .bind(relay.gas_limit.cast_signed())
    .bind(TokenAmount(reserved_wei))
    .bind(&relay.requested_by)
    .bind(relay.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Relays with the hash of the transaction that was mined, or else of the latest one.
macro_rules! select_relay {
    ($tail:literal) => {
        concat!(
            "select r.relay_id, r.chain_id, r.kind, r.plan_hash, r.subscriber, r.nonce, r.payload_hash, r.status, r.gas_limit,
                    r.gas_used, r.effective_gas_price, r.fee_wei, r.requested_by, r.created_at, r.settled_at, t.tx_hash
             from billing_relay r
             cross join lateral (
                 select tx_hash from chain_tx where chain_tx_id = r.chain_tx_id or replaces = r.chain_tx_id
                 order by status in ('mined', 'reverted') desc, created_at desc limit 1
             ) t ",
            $tail
        )
    };
}

pub(super) async fn find(conn: impl PgExecutor<'_>, id: RelayId) -> sqlx::Result<Option<Relay>> {
    let row = sqlx::query(select_relay!("where r.relay_id = $1")).bind(id).fetch_optional(conn).await?;
    row.as_ref().map(from_row).transpose()
}

/// What was sent with a subscriber's nonce.
pub(super) async fn by_nonce(
    conn: impl PgExecutor<'_>,
    chain_id: ChainId,
    subscriber: Address,
    nonce: U256,
) -> sqlx::Result<Option<Relay>> {
    let row = sqlx::query(select_relay!("where r.chain_id = $1 and r.subscriber = $2 and r.nonce = $3"))
        .bind(chain_id)
        .bind(subscriber.as_slice())
        .bind(TokenAmount(nonce))
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(from_row).transpose()
}

/// Nonces below `below` that were sent for a subscriber, used on the chain or not.
pub(super) async fn nonces(
    conn: impl PgExecutor<'_>,
    chain_id: ChainId,
    subscriber: Address,
    below: U256,
) -> sqlx::Result<Vec<U256>> {
    let nonces: Vec<TokenAmount> =
        sqlx::query_scalar("select nonce from billing_relay where chain_id = $1 and subscriber = $2 and nonce < $3")
            .bind(chain_id)
            .bind(subscriber.as_slice())
            .bind(TokenAmount(below))
            .fetch_all(conn)
            .await?;
    Ok(nonces.into_iter().map(|nonce| nonce.0).collect())
}

/// Relays whose transaction is pending again: its block was orphaned.
pub(super) async fn reopen(conn: impl PgExecutor<'_>, chain_id: ChainId) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "update billing_relay r
         set status = 'submitted', gas_used = null, effective_gas_price = null, fee_wei = null, settled_at = null
         where r.chain_id = $1 and r.status <> 'submitted'
           and exists (select from chain_tx t where t.chain_id = $1 and t.status = 'pending'
                         and coalesce(t.replaces, t.chain_tx_id) = r.chain_tx_id)",
    )
    .bind(chain_id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Submitted relays of which nothing is pending any more, with their first transaction, and whether one was mined.
pub(super) async fn unsettled(
    conn: impl PgExecutor<'_>,
    chain_id: ChainId,
) -> sqlx::Result<Vec<(RelayId, ChainTxId, bool)>> {
    sqlx::query_as(
        "select relay_id, chain_tx_id,
                exists (select from chain_tx t where coalesce(t.replaces, t.chain_tx_id) = r.chain_tx_id
                          and t.status in ('mined', 'reverted')) as mined
         from billing_relay r
         where chain_id = $1 and status = 'submitted'
           and not exists (select from chain_tx t where t.chain_id = $1 and t.status = 'pending'
                             and coalesce(t.replaces, t.chain_tx_id) = r.chain_tx_id)
         order by created_at",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await
}

/// What a receipt says of a submitted relay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) gas_used: u64,
    pub(super) effective_gas_price: u128,
}

/// Ends a submitted relay; without a cost nothing of it happened.
pub(super) async fn settle(
    conn: impl PgExecutor<'_>,
    id: RelayId,
    status: RelayStatus,
    cost: Option<Cost>,
) -> sqlx::Result<()> {
    let price = cost.map(|cost| U256::from(cost.effective_gas_price));
    sqlx::query(
        "update billing_relay
         set status = $2, gas_used = $3, effective_gas_price = $4, fee_wei = $5, settled_at = now()
         where relay_id = $1 and status = 'submitted'",
    )
    .bind(id)
    .bind(status.as_str())
    .bind(cost.map(|cost| cost.gas_used.cast_signed()))
    .bind(price.map(TokenAmount))
    .bind(TokenAmount(cost.zip(price).map_or(U256::ZERO, |(cost, price)| price * U256::from(cost.gas_used))))
    .execute(conn)
    .await?;
    Ok(())
}

fn from_row(row: &PgRow) -> sqlx::Result<Relay> {
    let word = |column: &str| row.try_get::<String, _>(column);
    let unknown = |word: String| sqlx::Error::Decode(format!("unknown word {word}").into());
    let (kind, status) = (word("kind")?, word("status")?);
    Ok(Relay {
        id: row.try_get("relay_id")?,
        chain_id: row.try_get("chain_id")?,
        kind: RelayKind::from_word(&kind).ok_or_else(|| unknown(kind))?,
        plan_hash: B256::from_slice(row.try_get("plan_hash")?),
        subscriber: Address::from_slice(row.try_get("subscriber")?),
        nonce: row.try_get::<TokenAmount, _>("nonce")?.0,
        payload_hash: B256::from_slice(row.try_get("payload_hash")?),
        status: RelayStatus::from_word(&status).ok_or_else(|| unknown(status))?,
        tx_hash: B256::from_slice(row.try_get("tx_hash")?),
        gas_limit: row.try_get::<i64, _>("gas_limit")?.cast_unsigned(),
        gas_used: row.try_get::<Option<i64>, _>("gas_used")?.map(i64::cast_unsigned),
        effective_gas_price: row.try_get("effective_gas_price")?,
        fee_wei: row.try_get("fee_wei")?,
        requested_by: row.try_get("requested_by")?,
        created_at: row.try_get("created_at")?,
        settled_at: row.try_get("settled_at")?,
    })
}
