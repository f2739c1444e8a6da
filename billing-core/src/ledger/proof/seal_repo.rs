//! SQL of seals, and of what is written with them.

use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::{
    super::row::Kind,
    digest::{Hash, StoredRow},
    seal::Sealed,
};

/// The end of the chain of seals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latest {
    pub(super) number: i64,
    pub(super) last: i64,
    pub(super) hash: Hash,
}

/// Whether nobody else seals; until the transaction's end nobody will.
pub(super) async fn lock(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended('ledger_seal', 0))").fetch_one(conn).await
}

pub(super) async fn latest(conn: &mut PgConnection) -> sqlx::Result<Latest> {
    let row = sqlx::query("select seal_number, last_position, hash from ledger_seal order by seal_number desc limit 1")
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(Latest::default()) };
    Ok(Latest { number: row.try_get("seal_number")?, last: row.try_get("last_position")?, hash: row.try_get("hash")? })
}

/// The last position that anybody took; 0: none.
pub(super) async fn last_position(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select case when is_called then last_value else 0 end from ledger_position")
        .fetch_one(conn)
        .await
}

/// Higher than that of everybody who wrote before.
pub(super) async fn take_transaction_id(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select pg_current_xact_id()").execute(conn).await?;
    Ok(())
}

/// Whether every transaction with a lower id is over. The snapshot's upper end would not do in place of an id of our own: it
/// is the one after the last that ended, and there may be others above it.
pub(super) async fn is_oldest(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_snapshot_xmin(pg_current_snapshot()) >= pg_current_xact_id()").fetch_one(conn).await
}

/// Up to `most` of the transfers after one position, up to another, in order.
pub(super) async fn rows_after(
    conn: &mut PgConnection,
    after: i64,
    up_to: i64,
    most: i64,
) -> sqlx::Result<Vec<StoredRow>> {
    let rows = sqlx::query(
        "select position, transfer_id, debit_account, credit_account, amount, kind::text as kind,
                pending_id, reverses, timeout_secs, partly, code, reference, event_at, created_at
           from ledger_transfer
          where position > $1 and position <= $2
          order by position
          limit $3",
    )
    .bind(after)
    .bind(up_to)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.iter().map(stored_row).collect()
}

fn stored_row(row: &PgRow) -> sqlx::Result<StoredRow> {
    let kind: &str = row.try_get("kind")?;
    Ok(StoredRow {
        position: row.try_get("position")?,
        id: row.try_get("transfer_id")?,
        debit: row.try_get("debit_account")?,
        credit: row.try_get("credit_account")?,
        amount: row.try_get("amount")?,
        kind: Kind::from_word(kind).ok_or_else(|| sqlx::Error::Decode(format!("unknown kind {kind}").into()))?,
        hold: row.try_get("pending_id")?,
        reverses: row.try_get("reverses")?,
        timeout_secs: row.try_get("timeout_secs")?,
        partly: row.try_get("partly")?,
        code: row.try_get("code")?,
        reference: row.try_get("reference")?,
        event_at: row.try_get("event_at")?,
        created_at: row.try_get("created_at")?,
    })
}

pub(super) async fn insert(conn: &mut PgConnection, sealed: &Sealed, digests: &[u8]) -> sqlx::Result<()> {
    sqlx::query(
        "insert into ledger_seal (seal_number, first_position, last_position, transfers, digests, hash)
         values ($1, $2, $3, octet_length($4) / 8, $4, $5)",
    )
    .bind(sealed.number)
    .bind(sealed.first)
    .bind(sealed.last)
    .bind(digests)
    .bind(sealed.hash)
    .execute(conn)
    .await?;
    Ok(())
}

/// What the transfers between two positions changed, by account and by day. In the order of the accounts, so that what is
/// read together stands together.
pub(super) async fn insert_changes(conn: &mut PgConnection, first: i64, last: i64) -> sqlx::Result<()> {
    sqlx::query(
        "with fresh as (
             insert into ledger_entry (account_id, position, event_at, created_at, posted, pending_out, pending_in)
             select account_id, position, event_at, created_at, posted, pending_out, pending_in
               from ledger_change
              where position between $1 and $2
              order by account_id, position
             returning *
         )
         insert into ledger_day as day (account_id, kind, day, posted, pending_out, pending_in)
         select fresh.account_id, by_time.kind, (by_time.at at time zone 'UTC')::date, sum(fresh.posted), sum(fresh.pending_out),
                sum(fresh.pending_in)
           from fresh, lateral (values ('booking', fresh.created_at), ('event', fresh.event_at)) as by_time (kind, at)
          group by 1, 2, 3
          order by 1, 2, 3
         on conflict (account_id, kind, day) do update
            set posted = day.posted + excluded.posted, pending_out = day.pending_out + excluded.pending_out,
                pending_in = day.pending_in + excluded.pending_in",
    )
    .bind(first)
    .bind(last)
    .execute(conn)
    .await?;
    Ok(())
}
