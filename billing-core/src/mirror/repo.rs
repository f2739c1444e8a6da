//! SQL of `chain_cursor`, `chain_block`, `chain_event_sequence` and `chain_halt`.

use alloy::primitives::{Address, B256};
use sqlx::{PgConnection, PgPool, Postgres, Row, Transaction, postgres::PgRow};

use super::{Cursor, FOLD_VERSION, Halt, Header};
use crate::ids::ChainId;

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

/// The number of the transaction that wrote a cursor's row: another one as soon as anybody moves it, were it back to the
/// same block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorVersion(i64);

/// Where a mirror stands, and since which move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) cursor: Cursor,
    pub(super) version: CursorVersion,
}

/// The cursor, and until the transaction ends the right to move it.
pub(super) async fn lock_cursor(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<Standing>> {
    let row = sqlx::query(
        "select block_number, block_hash, block_time, xmin::text::bigint as version
           from chain_cursor
          where chain_id = $1
            for update",
    )
    .bind(chain_id)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(standing_from_row).transpose()
}

/// What a writer of logs begins with.
pub(super) struct Opening {
    /// The mirror, as others may move it meanwhile.
    pub(super) standing: Option<Standing>,
    /// First block for whose logs there is no room.
    pub(super) room: Option<i64>,
    /// What the cursor's version will be when this transaction moves it.
    pub(super) version: CursorVersion,
}

pub(super) async fn opening(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Opening> {
    let row = sqlx::query(
        "select block_number, block_hash, block_time, cursor.xmin::text::bigint as version,
                (select max(to_block) from chain_log_partition where chain_id = $1) as room,
                pg_current_xact_id()::xid::text::bigint as own
           from (select) as always
           left join chain_cursor as cursor on cursor.chain_id = $1",
    )
    .bind(chain_id)
    .fetch_one(conn)
    .await?;
    let stands = row.try_get::<Option<i64>, _>("block_number")?.is_some();
    Ok(Opening {
        standing: stands.then(|| standing_from_row(&row)).transpose()?,
        room: row.try_get("room")?,
        version: CursorVersion(row.try_get("own")?),
    })
}

/// Sets the first cursor of a chain; `false` when another writer just did.
pub(super) async fn insert_cursor(
    conn: &mut PgConnection,
    chain_id: ChainId,
    to: &Header,
    last_final: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "insert into chain_cursor (chain_id, block_number, block_hash, block_time, fold_version, final_block)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (chain_id) do nothing",
    )
    .bind(chain_id)
    .bind(to.number)
    .bind(to.hash.as_slice())
    .bind(to.time)
    .bind(FOLD_VERSION)
    .bind(last_final)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What was taken as final above a block is not: an operator said so.
pub(super) async fn unset_final(conn: &mut PgConnection, chain_id: ChainId, above: i64) -> sqlx::Result<()> {
    sqlx::query("update chain_cursor set final_block = least(final_block, $2) where chain_id = $1")
        .bind(chain_id)
        .bind(above)
        .execute(conn)
        .await?;
    Ok(())
}

/// The last block that is final only ever rises by it; -1 leaves it.
pub(super) async fn move_cursor(
    conn: &mut PgConnection,
    chain_id: ChainId,
    to: &Header,
    last_final: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "update chain_cursor
            set block_number = $2, block_hash = $3, block_time = $4, final_block = greatest(final_block, $5),
                updated_at = now()
          where chain_id = $1",
    )
    .bind(chain_id)
    .bind(to.number)
    .bind(to.hash.as_slice())
    .bind(to.time)
    .bind(last_final)
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

pub(super) async fn fold_version(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar("select fold_version from chain_cursor where chain_id = $1")
        .bind(chain_id)
        .fetch_optional(conn)
        .await
}

pub(super) async fn set_fold_version(conn: &mut PgConnection, chain_id: ChainId, version: i32) -> sqlx::Result<()> {
    sqlx::query("update chain_cursor set fold_version = $2 where chain_id = $1")
        .bind(chain_id)
        .bind(version)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn final_block(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("select final_block from chain_cursor where chain_id = $1")
        .bind(chain_id)
        .fetch_optional(conn)
        .await
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

pub(super) async fn sequences(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<(Address, i64)>> {
    let rows = sqlx::query("select address, last_sequence from chain_event_sequence where chain_id = $1")
        .bind(chain_id)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok((Address::from_slice(row.try_get("address")?), row.try_get("last_sequence")?))).collect()
}

/// The last event number of each contract, as it is now.
pub(super) async fn set_sequences(
    conn: &mut PgConnection,
    chain_id: ChainId,
    last: &[(Address, i64)],
) -> sqlx::Result<()> {
    if last.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into chain_event_sequence (chain_id, address, last_sequence)
         select $1, address, last from unnest($2::bytea[], $3::bigint[]) as event (address, last)
         on conflict (chain_id, address) do update set last_sequence = excluded.last_sequence",
    )
    .bind(chain_id)
    .bind(last.iter().map(|(address, _)| address.as_slice()).collect::<Vec<_>>())
    .bind(last.iter().map(|(_, last)| *last).collect::<Vec<_>>())
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

fn standing_from_row(row: &PgRow) -> sqlx::Result<Standing> {
    Ok(Standing { cursor: cursor_from_row(row)?, version: CursorVersion(row.try_get("version")?) })
}

fn header_from_row(row: &PgRow) -> sqlx::Result<Header> {
    Ok(Header {
        number: row.try_get("block_number")?,
        hash: B256::from_slice(row.try_get("block_hash")?),
        parent_hash: B256::from_slice(row.try_get("parent_hash")?),
        time: row.try_get("block_time")?,
    })
}
