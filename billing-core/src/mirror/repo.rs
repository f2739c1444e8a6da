//! SQL of `chain_cursor`, `chain_block`, `chain_log`, `chain_event_sequence` and `chain_halt`.

use alloy::primitives::{Address, B256, Bytes};
use sqlx::{PgConnection, PgPool, Postgres, Row, Transaction, postgres::PgRow};

use super::{Cursor, Halt, Header, RawLog, Source};
use crate::ids::{ChainId, SubscriptionKey};

/// A transaction that reads one state of the database throughout.
pub(super) async fn begin_snapshot(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    pool.begin_with("begin isolation level repeatable read read only").await
}

pub(super) async fn cursor(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<Cursor>> {
    let row = sqlx::query("select block_number, block_hash, block_time from chain_cursor where chain_id = $1")
        .bind(chain_id)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(cursor_from_row).transpose()
}

/// The cursor, and until the transaction ends the right to move it.
pub(super) async fn lock_cursor(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<Cursor>> {
    let row =
        sqlx::query("select block_number, block_hash, block_time from chain_cursor where chain_id = $1 for update")
            .bind(chain_id)
            .fetch_optional(conn)
            .await?;
    row.as_ref().map(cursor_from_row).transpose()
}

/// Sets the first cursor of a chain; `false` when another writer just did.
pub(super) async fn insert_cursor(conn: &mut PgConnection, chain_id: ChainId, to: &Header) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "insert into chain_cursor (chain_id, block_number, block_hash, block_time)
         values ($1, $2, $3, $4)
         on conflict (chain_id) do nothing",
    )
    .bind(chain_id)
    .bind(to.number)
    .bind(to.hash.as_slice())
    .bind(to.time)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn move_cursor(conn: &mut PgConnection, chain_id: ChainId, to: &Header) -> sqlx::Result<()> {
    sqlx::query(
        "update chain_cursor
            set block_number = $2, block_hash = $3, block_time = $4, updated_at = now()
          where chain_id = $1",
    )
    .bind(chain_id)
    .bind(to.number)
    .bind(to.hash.as_slice())
    .bind(to.time)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn header_at(conn: &mut PgConnection, chain_id: ChainId, number: i64) -> sqlx::Result<Option<Header>> {
    let row = sqlx::query(
        "select block_number, block_hash, parent_hash, block_time
           from chain_block
          where chain_id = $1 and block_number = $2",
    )
    .bind(chain_id)
    .bind(number)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(header_from_row).transpose()
}

/// All stored headers, the highest first.
pub(super) async fn headers(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<Header>> {
    let rows = sqlx::query(
        "select block_number, block_hash, parent_hash, block_time
           from chain_block
          where chain_id = $1
          order by block_number desc",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(header_from_row).collect()
}

pub(super) async fn insert_headers(conn: &mut PgConnection, chain_id: ChainId, headers: &[Header]) -> sqlx::Result<()> {
    sqlx::query(
        "insert into chain_block (chain_id, block_number, block_hash, parent_hash, block_time)
         select $1, number, hash, parent, time
           from unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::timestamptz[]) as header (number, hash, parent, time)
         on conflict (chain_id, block_number) do nothing",
    )
    .bind(chain_id)
    .bind(headers.iter().map(|header| header.number).collect::<Vec<_>>())
    .bind(headers.iter().map(|header| header.hash.as_slice()).collect::<Vec<_>>())
    .bind(headers.iter().map(|header| header.parent_hash.as_slice()).collect::<Vec<_>>())
    .bind(headers.iter().map(|header| header.time).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn delete_headers_below(conn: &mut PgConnection, chain_id: ChainId, number: i64) -> sqlx::Result<()> {
    sqlx::query("delete from chain_block where chain_id = $1 and block_number < $2")
        .bind(chain_id)
        .bind(number)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn delete_headers_above(conn: &mut PgConnection, chain_id: ChainId, number: i64) -> sqlx::Result<()> {
    sqlx::query("delete from chain_block where chain_id = $1 and block_number > $2")
        .bind(chain_id)
        .bind(number)
        .execute(conn)
        .await?;
    Ok(())
}

/// Logs with their event numbers. A log that is there already stays as it is.
pub(super) async fn insert_logs(
    conn: &mut PgConnection,
    chain_id: ChainId,
    logs: &[(i64, &RawLog)],
) -> sqlx::Result<()> {
    if logs.is_empty() {
        return Ok(());
    }
    let topic = |at: usize| logs.iter().map(|(_, log)| log.topics.get(at).map(B256::as_slice)).collect::<Vec<_>>();
    sqlx::query(
        "insert into chain_log
             (chain_id, block_hash, log_index, block_number, block_time, tx_hash, address, topics, data, sequence,
              subject, party)
         select $1, block_hash, log_index, block_number, block_time, tx_hash, address,
                array_remove(array[topic0, topic1, topic2, topic3], null), data, sequence, topic1, topic2
           from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::bytea[], $7::bytea[],
                       $8::bytea[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bigint[])
                as log (block_hash, log_index, block_number, block_time, tx_hash, address,
                        topic0, topic1, topic2, topic3, data, sequence)
         on conflict (chain_id, block_hash, log_index) do nothing",
    )
    .bind(chain_id)
    .bind(logs.iter().map(|(_, log)| log.block_hash.as_slice()).collect::<Vec<_>>())
    .bind(logs.iter().map(|(_, log)| log.log_index).collect::<Vec<_>>())
    .bind(logs.iter().map(|(_, log)| log.block_number).collect::<Vec<_>>())
    .bind(logs.iter().map(|(_, log)| log.block_time).collect::<Vec<_>>())
    .bind(logs.iter().map(|(_, log)| log.tx_hash.as_slice()).collect::<Vec<_>>())
    .bind(logs.iter().map(|(_, log)| log.address.as_slice()).collect::<Vec<_>>())
    .bind(topic(0))
    .bind(topic(1))
    .bind(topic(2))
    .bind(topic(3))
    .bind(logs.iter().map(|(_, log)| log.data.as_ref()).collect::<Vec<_>>())
    .bind(logs.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes away the logs above a block and gives them back, in chain order.
pub(super) async fn delete_logs_above(
    conn: &mut PgConnection,
    chain_id: ChainId,
    number: i64,
) -> sqlx::Result<Vec<RawLog>> {
    let rows = sqlx::query(
        "with gone as (
             delete from chain_log where chain_id = $1 and block_number > $2
             returning block_number, block_hash, block_time, tx_hash, log_index, address, topics, data)
         select block_number, block_hash, block_time, tx_hash, log_index, address, topics, data
           from gone
          order by block_number, log_index",
    )
    .bind(chain_id)
    .bind(number)
    .fetch_all(conn)
    .await?;
    rows.iter().map(log_from_row).collect()
}

/// All logs about these plans, subscriptions and deposits, each once, in chain order.
pub(super) async fn logs_about(
    conn: &mut PgConnection,
    source: &Source,
    plans: &[B256],
    subscriptions: &[SubscriptionKey],
    accounts: &[Address],
) -> sqlx::Result<Vec<RawLog>> {
    let accounts: Vec<B256> = accounts.iter().map(|account| account.into_word()).collect();
    let subscribers: Vec<B256> = subscriptions.iter().map(|key| key.subscriber.into_word()).collect();
    let rows = sqlx::query(
        "select block_number, block_hash, block_time, tx_hash, log_index, address, topics, data
           from chain_log
          where chain_id = $1 and address = $2 and subject = any($4)
          union
         select log.block_number, log.block_hash, log.block_time, log.tx_hash, log.log_index, log.address, log.topics,
                log.data
           from unnest($5::bytea[], $6::bytea[]) as wanted (plan_hash, subscriber)
           join chain_log as log
             on log.chain_id = $1 and log.address = $3 and log.subject = wanted.plan_hash
            and log.party = wanted.subscriber
          union
         select block_number, block_hash, block_time, tx_hash, log_index, address, topics, data
           from chain_log
          where chain_id = $1 and address = $3 and subject = any($7)
          union
         select block_number, block_hash, block_time, tx_hash, log_index, address, topics, data
           from chain_log
          where chain_id = $1 and address = $3 and party = any($7)
          order by block_number, log_index",
    )
    .bind(source.chain_id)
    .bind(source.plan_manager.as_slice())
    .bind(source.subscription_manager.as_slice())
    .bind(plans.iter().map(B256::as_slice).collect::<Vec<_>>())
    .bind(subscriptions.iter().map(|key| key.plan_hash.as_slice()).collect::<Vec<_>>())
    .bind(subscribers.iter().map(B256::as_slice).collect::<Vec<_>>())
    .bind(accounts.iter().map(B256::as_slice).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.iter().map(log_from_row).collect()
}

pub(super) async fn sequences(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<(Address, i64)>> {
    let rows = sqlx::query("select address, last_sequence from chain_event_sequence where chain_id = $1")
        .bind(chain_id)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok((Address::from_slice(row.try_get("address")?), row.try_get("last_sequence")?))).collect()
}

pub(super) async fn set_sequence(
    conn: &mut PgConnection,
    chain_id: ChainId,
    address: Address,
    last: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into chain_event_sequence (chain_id, address, last_sequence)
         values ($1, $2, $3)
         on conflict (chain_id, address) do update set last_sequence = excluded.last_sequence",
    )
    .bind(chain_id)
    .bind(address.as_slice())
    .bind(last)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_halt(conn: &mut PgConnection, chain_id: ChainId, reason: &str) -> sqlx::Result<()> {
    sqlx::query("insert into chain_halt (chain_id, reason) values ($1, $2) on conflict (chain_id) do nothing")
        .bind(chain_id)
        .bind(reason)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn halt(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<Halt>> {
    let row = sqlx::query("select reason, halted_at from chain_halt where chain_id = $1")
        .bind(chain_id)
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(Halt { reason: row.try_get("reason")?, halted_at: row.try_get("halted_at")? })).transpose()
}

pub(super) async fn delete_halt(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<()> {
    sqlx::query("delete from chain_halt where chain_id = $1").bind(chain_id).execute(conn).await?;
    Ok(())
}

/// Blocks with logs below a number, the highest first.
pub(super) async fn logged_blocks(
    conn: &mut PgConnection,
    chain_id: ChainId,
    below: i64,
    limit: i64,
) -> sqlx::Result<Vec<(i64, B256)>> {
    let rows = sqlx::query(
        "select distinct block_number, block_hash
           from chain_log
          where chain_id = $1 and block_number < $2
          order by block_number desc
          limit $3",
    )
    .bind(chain_id)
    .bind(below)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("block_number")?, B256::from_slice(row.try_get("block_hash")?)))).collect()
}

pub(super) async fn logs_above(conn: &mut PgConnection, chain_id: ChainId, block: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar("select count(*) from chain_log where chain_id = $1 and block_number > $2")
        .bind(chain_id)
        .bind(block)
        .fetch_one(conn)
        .await
}

/// A lock of the session, named by the network; whoever asks second is told so at once.
pub(super) async fn try_lock_network(session: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended('abono mirror of chain ' || $1::bigint, 0))")
        .bind(chain_id)
        .fetch_one(session)
        .await
}

/// A machine that vanishes without a word is missed after five seconds, not after the two hours that are usual.
pub(super) async fn notice_dead_peers(session: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query(
        "select set_config('tcp_keepalives_idle', '2', false), set_config('tcp_keepalives_interval', '1', false),
                set_config('tcp_keepalives_count', '3', false)",
    )
    .execute(session)
    .await?;
    Ok(())
}

fn cursor_from_row(row: &PgRow) -> sqlx::Result<Cursor> {
    Ok(Cursor {
        number: row.try_get("block_number")?,
        hash: B256::from_slice(row.try_get("block_hash")?),
        time: row.try_get("block_time")?,
    })
}

fn header_from_row(row: &PgRow) -> sqlx::Result<Header> {
    Ok(Header {
        number: row.try_get("block_number")?,
        hash: B256::from_slice(row.try_get("block_hash")?),
        parent_hash: B256::from_slice(row.try_get("parent_hash")?),
        time: row.try_get("block_time")?,
    })
}

fn log_from_row(row: &PgRow) -> sqlx::Result<RawLog> {
    let topics: Vec<Vec<u8>> = row.try_get("topics")?;
    Ok(RawLog {
        block_number: row.try_get("block_number")?,
        block_hash: B256::from_slice(row.try_get("block_hash")?),
        block_time: row.try_get("block_time")?,
        tx_hash: B256::from_slice(row.try_get("tx_hash")?),
        log_index: row.try_get("log_index")?,
        address: Address::from_slice(row.try_get("address")?),
        topics: topics.iter().map(|topic| B256::from_slice(topic)).collect(),
        data: Bytes::from(row.try_get::<Vec<u8>, _>("data")?),
    })
}
