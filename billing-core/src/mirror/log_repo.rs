//! SQL of `chain_log` and its partitions, `chain_log_orphan` and `chain_undo`.

use alloy::primitives::{Address, B256, Bytes};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    Cursor, Header, RawLog, copy,
    log_row::{LogRow, leading_bytes, subscription_subject},
};
use crate::ids::{ChainId, SubscriptionKey};

/// From so many logs on they are copied. Over TCP a copy waits about 45 ms for a delayed acknowledgement, whatever its
/// size (`docs/decisions/0010`), which few rows do not make up for.
const COPY_FROM: usize = 2_000;
/// Bytes handed to the socket at once while copying.
const COPY_CHUNK: usize = 256 * 1024;

/// What [`log_from_row`] reads, of `chain_log` and of `chain_log_orphan`.
macro_rules! log_columns {
    () => {
        "block_number, log_index, block_time, block_hash, tx_hash, address, topic0, topic1, topic2, topic3, data"
    };
}
pub(super) use log_columns;

/// Makes room for blocks up to `last`.
pub(super) async fn extend(conn: &mut PgConnection, chain_id: ChainId, first: i64, last: i64) -> sqlx::Result<()> {
    sqlx::query("select chain_log_extend($1, $2, $3)").bind(chain_id).bind(first).bind(last).execute(conn).await?;
    Ok(())
}

/// Adds logs; one that is there already is an error, since the cursor says it is not.
pub(super) async fn insert(conn: &mut PgConnection, chain_id: ChainId, rows: &[LogRow<'_>]) -> sqlx::Result<()> {
    match rows.len() {
        0 => Ok(()),
        COPY_FROM.. => insert_by_copy(conn, chain_id, rows).await,
        _ => insert_by_arrays(conn, chain_id, rows).await,
    }
}

async fn insert_by_copy(conn: &mut PgConnection, chain_id: ChainId, rows: &[LogRow<'_>]) -> sqlx::Result<()> {
    let mut stream = conn.copy_in_raw(copy::STATEMENT).await?;
    let mut buffer = Vec::with_capacity(COPY_CHUNK + COPY_CHUNK / 8);
    copy::begin(&mut buffer);
    for row in rows {
        copy::push(&mut buffer, chain_id, row);
        if buffer.len() >= COPY_CHUNK {
            stream.send(buffer.as_slice()).await?;
            buffer.clear();
        }
    }
    copy::end(&mut buffer);
    stream.send(buffer.as_slice()).await?;
    stream.finish().await?;
    Ok(())
}

async fn insert_by_arrays(conn: &mut PgConnection, chain_id: ChainId, rows: &[LogRow<'_>]) -> sqlx::Result<()> {
    let topic = |at: usize| rows.iter().map(|row| row.log.topics.get(at).map(B256::as_slice)).collect::<Vec<_>>();
    sqlx::query(
        "insert into chain_log (chain_id, block_number, log_index, block_time, sequence, subject, account, block_hash,
                                tx_hash, address, topic0, topic1, topic2, topic3, data)
         select $1, log.*
           from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::bigint[],
                       $8::bytea[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[],
                       $15::bytea[]) as log",
    )
    .bind(chain_id)
    .bind(rows.iter().map(|row| row.log.block_number).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.log.log_index).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.log.block_time).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.sequence).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.subject).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.account).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.log.block_hash.as_slice()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.log.tx_hash.as_slice()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.log.address.as_slice()).collect::<Vec<_>>())
    .bind(topic(0))
    .bind(topic(1))
    .bind(topic(2))
    .bind(topic(3))
    .bind(rows.iter().map(|row| row.log.data.as_ref()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes down that everything above `fork` is taken back.
pub(super) async fn insert_undo(
    conn: &mut PgConnection,
    chain_id: ChainId,
    fork: &Header,
    cursor: &Cursor,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "insert into chain_undo (chain_id, fork_block, fork_hash, cursor_block, cursor_hash, depth, logs)
         values ($1, $2, $3, $4, $5, $4 - $2, (select count(*) from chain_log where chain_id = $1 and block_number > $2))
         returning undo_id",
    )
    .bind(chain_id)
    .bind(fork.number)
    .bind(fork.hash.as_slice())
    .bind(cursor.number)
    .bind(cursor.hash.as_slice())
    .fetch_one(conn)
    .await
}

/// Moves the logs above a block to the orphans of `undo_id` and gives them, in chain order.
pub(super) async fn orphan_above(
    conn: &mut PgConnection,
    chain_id: ChainId,
    number: i64,
    undo_id: i64,
) -> sqlx::Result<Vec<RawLog>> {
    let rows = sqlx::query(concat!(
        "with gone as (
             delete from chain_log where chain_id = $1 and block_number > $2 returning *
         ), kept as (
             insert into chain_log_orphan (undo_id, chain_id, block_number, log_index, block_time, sequence, subject,
                                           account, block_hash, tx_hash, address, topic0, topic1, topic2, topic3, data)
             select $3, chain_id, block_number, log_index, block_time, sequence, subject, account, block_hash, tx_hash,
                    address, topic0, topic1, topic2, topic3, data
               from gone
         )
         select ",
        log_columns!(),
        " from gone order by block_number, log_index"
    ))
    .bind(chain_id)
    .bind(number)
    .bind(undo_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(log_from_row).collect()
}

/// All logs about these plans, subscriptions and deposits, each once, in chain order; now and then also one about
/// another with the same leading bytes.
pub(super) async fn about(
    conn: &mut PgConnection,
    chain_id: ChainId,
    plans: &[B256],
    subscriptions: &[SubscriptionKey],
    accounts: &[Address],
) -> sqlx::Result<Vec<RawLog>> {
    let plans = plans.iter().map(|hash| leading_bytes(hash.as_slice()));
    let subscriptions = subscriptions.iter().map(|key| subscription_subject(&key.plan_hash, &key.subscriber));
    let rows = sqlx::query(concat!(
        "select ",
        log_columns!(),
        " from chain_log where chain_id = $1 and subject = any($2)
          union all
         select ",
        log_columns!(),
        " from chain_log where chain_id = $1 and account = any($3) and (subject is null or subject <> all($2))
          order by block_number, log_index"
    ))
    .bind(chain_id)
    .bind(plans.chain(subscriptions).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| leading_bytes(account.as_slice())).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.iter().map(log_from_row).collect()
}

pub(super) fn log_from_row(row: &PgRow) -> sqlx::Result<RawLog> {
    let mut topics = Vec::with_capacity(4);
    for column in ["topic0", "topic1", "topic2", "topic3"] {
        topics.extend(row.try_get::<Option<&[u8]>, _>(column)?.map(B256::from_slice));
    }
    Ok(RawLog {
        block_number: row.try_get("block_number")?,
        block_hash: B256::from_slice(row.try_get("block_hash")?),
        block_time: row.try_get("block_time")?,
        tx_hash: B256::from_slice(row.try_get("tx_hash")?),
        log_index: row.try_get("log_index")?,
        address: Address::from_slice(row.try_get("address")?),
        topics,
        data: Bytes::copy_from_slice(row.try_get("data")?),
    })
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

pub(super) async fn last_block_of(
    conn: &mut PgConnection,
    chain_id: ChainId,
    contract: Address,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "select block_number from chain_log where chain_id = $1 and address = $2 order by block_number desc limit 1",
    )
    .bind(chain_id)
    .bind(contract.as_slice())
    .fetch_optional(conn)
    .await
}
