//! SQL of what is asked of the ledger. Each question is one statement, so that what is sealed and what is not yet are of
//! one snapshot.

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    super::{Limited, Net},
    balance::{Balance, By, Explained, OpenHold, OwnerBalance, TrialLine},
    statement::{Line, Read, kind_word},
};
use crate::ids::{AccountId, TransferId};

pub(super) async fn balance(conn: &mut PgConnection, account: AccountId) -> sqlx::Result<Option<Balance>> {
    let row = sqlx::query(
        "select asset, scale, limited::text, credits_posted - debits_posted as posted,
                debits_pending - coalesce(late_out, 0) as pending_out, credits_pending - coalesce(late_in, 0) as pending_in
           from ledger_account
           join ledger_asset using (asset),
                (select sum(remaining) filter (where debit_account = $1) as late_out,
                        sum(remaining) filter (where credit_account = $1) as late_in
                   from ledger_hold
                  where ended is null and expires_at <= statement_timestamp() and $1 in (debit_account, credit_account)) as late
          where account_id = $1",
    )
    .bind(account)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(balance_from_row).transpose()
}

pub(super) async fn balance_at(
    conn: &mut PgConnection,
    account: AccountId,
    instant: OffsetDateTime,
    by: By,
) -> sqlx::Result<Option<Balance>> {
    let row = sqlx::query(
        "select asset, scale, limited::text, coalesce(posted, 0) as posted, coalesce(pending_out, 0) as pending_out,
                coalesce(pending_in, 0) as pending_in
           from ledger_account
           join ledger_asset using (asset),
                (select sum(posted) as posted, sum(pending_out) as pending_out, sum(pending_in) as pending_in
                   from (select posted, pending_out, pending_in
                           from ledger_day
                          where account_id = $1 and kind = $3 and day < ($2::timestamptz at time zone 'UTC')::date
                          union all
                         select posted, pending_out, pending_in
                           from ledger_entry
                          where $3 = 'booking' and account_id = $1 and created_at between date_trunc('day', $2, 'UTC') and $2
                          union all
                         select posted, pending_out, pending_in
                           from ledger_entry
                          where $3 = 'event' and account_id = $1 and event_at between date_trunc('day', $2, 'UTC') and $2
                          union all
                         select posted, pending_out, pending_in
                           from ledger_change
                          where position > (select coalesce(max(last_position), 0) from ledger_seal)
                            and account_id = $1 and case $3 when 'booking' then created_at else event_at end <= $2) as parts
                ) as sums
          where account_id = $1",
    )
    .bind(account)
    .bind(instant)
    .bind(by.as_str())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(balance_from_row).transpose()
}

fn balance_from_row(row: &PgRow) -> sqlx::Result<Balance> {
    let limited: Option<&str> = row.try_get("limited")?;
    Ok(Balance {
        asset: row.try_get("asset")?,
        scale: row.try_get("scale")?,
        limited: limited.and_then(Limited::from_word),
        posted: row.try_get("posted")?,
        pending_out: row.try_get("pending_out")?,
        pending_in: row.try_get("pending_in")?,
    })
}

pub(super) async fn owner_balances(conn: &mut PgConnection, owner: &str) -> sqlx::Result<Vec<OwnerBalance>> {
    let rows = sqlx::query(
        "with late as (
             select debit_account, credit_account, remaining
               from ledger_hold
              where ended is null and expires_at <= statement_timestamp()
         ), own as materialized (
             select * from ledger_account where owner = $1
         ), ahead as (
             select account_id, entry.posted
               from own join ledger_entry as entry using (account_id)
              where entry.event_at > statement_timestamp()
              union all
             select account_id, change.posted
               from own join ledger_change as change using (account_id)
              where change.position > (select coalesce(max(last_position), 0) from ledger_seal)
                and change.event_at > statement_timestamp()
         )
         select asset, scale, count(*) as accounts,
                sum(credits_posted - debits_posted
                    - coalesce((select sum(posted) from ahead where ahead.account_id = own.account_id), 0)) as posted,
                sum(debits_pending - coalesce((select sum(remaining) from late where debit_account = account_id), 0)) as pending_out,
                sum(credits_pending - coalesce((select sum(remaining) from late where credit_account = account_id), 0)) as pending_in
           from own
           join ledger_asset using (asset)
          group by asset, scale
          order by asset",
    )
    .bind(owner)
    .fetch_all(conn)
    .await?;
    rows.iter().map(owner_balance_from_row).collect()
}

pub(super) async fn owner_balances_at(
    conn: &mut PgConnection,
    owner: &str,
    instant: OffsetDateTime,
    by: By,
) -> sqlx::Result<Vec<OwnerBalance>> {
    let rows = sqlx::query(
        "with own as materialized (
             select account_id, asset from ledger_account where owner = $1
         ), parts as (
             select account_id, part.posted, part.pending_out, part.pending_in
               from own join ledger_day as part using (account_id)
              where part.kind = $3 and part.day < ($2::timestamptz at time zone 'UTC')::date
              union all
             select account_id, part.posted, part.pending_out, part.pending_in
               from own join ledger_entry as part using (account_id)
              where $3 = 'booking' and part.created_at between date_trunc('day', $2, 'UTC') and $2
              union all
             select account_id, part.posted, part.pending_out, part.pending_in
               from own join ledger_entry as part using (account_id)
              where $3 = 'event' and part.event_at between date_trunc('day', $2, 'UTC') and $2
              union all
             select account_id, part.posted, part.pending_out, part.pending_in
               from own join ledger_change as part using (account_id)
              where part.position > (select coalesce(max(last_position), 0) from ledger_seal)
                and case $3 when 'booking' then part.created_at else part.event_at end <= $2
         )
         select asset, scale, count(distinct own.account_id) as accounts, coalesce(sum(posted), 0) as posted,
                coalesce(sum(pending_out), 0) as pending_out, coalesce(sum(pending_in), 0) as pending_in
           from own
           join ledger_asset using (asset)
           left join parts on parts.account_id = own.account_id
          group by asset, scale
          order by asset",
    )
    .bind(owner)
    .bind(instant)
    .bind(by.as_str())
    .fetch_all(conn)
    .await?;
    rows.iter().map(owner_balance_from_row).collect()
}

fn owner_balance_from_row(row: &PgRow) -> sqlx::Result<OwnerBalance> {
    Ok(OwnerBalance {
        asset: row.try_get("asset")?,
        scale: row.try_get("scale")?,
        accounts: row.try_get("accounts")?,
        posted: row.try_get("posted")?,
        pending_out: row.try_get("pending_out")?,
        pending_in: row.try_get("pending_in")?,
    })
}

pub(super) async fn open_holds(conn: &mut PgConnection, account: AccountId, most: i64) -> sqlx::Result<Vec<OpenHold>> {
    let rows = sqlx::query(
        "select transfer_id, debit_account, credit_account, remaining, partly, expires_at
           from ledger_hold
          where debit_account = $1 and ended is null and (expires_at is null or expires_at > statement_timestamp())
          order by expires_at, transfer_id
          limit $2",
    )
    .bind(account)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.iter().map(hold_from_row).collect()
}

pub(super) async fn open_holds_of_owner(
    conn: &mut PgConnection,
    owner: &str,
    most: i64,
) -> sqlx::Result<Vec<OpenHold>> {
    let rows = sqlx::query(
        "select hold.transfer_id, debit_account, credit_account, remaining, partly, expires_at
           from ledger_account
           join ledger_hold as hold on debit_account = account_id
          where owner = $1 and ended is null and (expires_at is null or expires_at > statement_timestamp())
          order by expires_at, hold.transfer_id
          limit $2",
    )
    .bind(owner)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.iter().map(hold_from_row).collect()
}

fn hold_from_row(row: &PgRow) -> sqlx::Result<OpenHold> {
    Ok(OpenHold {
        id: TransferId(row.try_get("transfer_id")?),
        debit: AccountId(row.try_get("debit_account")?),
        credit: AccountId(row.try_get("credit_account")?),
        remaining: row.try_get("remaining")?,
        partly: row.try_get("partly")?,
        expires_at: row.try_get("expires_at")?,
    })
}

pub(super) async fn trial_balance(conn: &mut PgConnection) -> sqlx::Result<Vec<TrialLine>> {
    let rows = sqlx::query(
        "select asset, scale, kind, count(*) as accounts, sum(debits_posted) as debits_posted, sum(credits_posted) as credits_posted,
                sum(debits_pending) as debits_pending, sum(credits_pending) as credits_pending
           from ledger_account
           join ledger_asset using (asset)
          group by asset, scale, kind
          order by asset, kind",
    )
    .fetch_all(conn)
    .await?;
    let line = |row: &PgRow| {
        Ok(TrialLine {
            asset: row.try_get("asset")?,
            scale: row.try_get("scale")?,
            kind: row.try_get("kind")?,
            accounts: row.try_get("accounts")?,
            debits_posted: row.try_get("debits_posted")?,
            credits_posted: row.try_get("credits_posted")?,
            debits_pending: row.try_get("debits_pending")?,
            credits_pending: row.try_get("credits_pending")?,
        })
    };
    rows.iter().map(line).collect()
}

/// Up to `most` lines before a position.
pub(super) async fn statement(
    conn: &mut PgConnection,
    account: AccountId,
    before: i64,
    most: i64,
) -> sqlx::Result<Option<Read>> {
    let rows = sqlx::query(
        "with lines as (
             (select position, posted, pending_out, pending_in
                from ledger_change
               where position > (select coalesce(max(last_position), 0) from ledger_seal) and position < $2 and account_id = $1)
             union all
             (select position, posted, pending_out, pending_in
                from ledger_entry
               where account_id = $1 and position < $2
               order by position desc
               limit $3)
             order by position desc
             limit $3
         )
         select asset, scale, credits_posted - debits_posted as now, position, transfer_id, code, reference, event_at,
                transfer.created_at, transfer.kind::text as what, posted, pending_out, pending_in,
                case when debit_account = $1 then credit_account else debit_account end as other
           from ledger_account
           join ledger_asset using (asset)
           left join (lines join ledger_transfer as transfer using (position)) on true
          where account_id = $1
          order by position desc",
    )
    .bind(account)
    .bind(before)
    .bind(most)
    .fetch_all(conn)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let lines = rows.iter().filter_map(|row| line_from_row(row).transpose()).collect::<sqlx::Result<_>>()?;
    let (asset, scale, now) = (first.try_get("asset")?, first.try_get("scale")?, first.try_get("now")?);
    Ok(Some(Read { asset, scale, now, lines }))
}

/// `None` of an account without any.
fn line_from_row(row: &PgRow) -> sqlx::Result<Option<Line>> {
    let Some(position) = row.try_get("position")? else { return Ok(None) };
    let kind: &str = row.try_get("what")?;
    Ok(Some(Line {
        position,
        id: TransferId(row.try_get("transfer_id")?),
        other: AccountId(row.try_get("other")?),
        kind: kind_word(kind).ok_or_else(|| sqlx::Error::Decode(format!("unknown kind {kind}").into()))?,
        code: row.try_get("code")?,
        reference: row.try_get("reference")?,
        posted: row.try_get("posted")?,
        pending_out: row.try_get("pending_out")?,
        pending_in: row.try_get("pending_in")?,
        balance: Net::ZERO,
        event_at: row.try_get("event_at")?,
        created_at: row.try_get("created_at")?,
    }))
}

pub(super) async fn explained(conn: &mut PgConnection, account: AccountId) -> sqlx::Result<Option<Explained>> {
    let row = sqlx::query(
        "with lines as (
             select position, posted
               from ledger_change
              where position > (select coalesce(max(last_position), 0) from ledger_seal) and account_id = $1
              union all
             select position, posted from ledger_entry where account_id = $1
         ), subjects as (
             select sum(posted) as net, sum(abs(posted)) as volume, min(transfer.event_at) as oldest,
                    sum(posted) = 0 and reference is not null as explained
               from lines
               join ledger_transfer as transfer using (position)
              where posted <> 0
              group by reference, case when reference is null then transfer_id end
         ), sums as (
             select coalesce(sum(volume), 0) as volume, coalesce(sum(volume) filter (where explained), 0) as explained,
                    count(*) filter (where not explained) as open, coalesce(sum(net) filter (where not explained), 0) as open_net,
                    min(oldest) filter (where not explained) as oldest
               from subjects
         )
         select sums.*, trunc(explained * 10000 / nullif(volume, 0))::integer as share_bps,
                floor(extract(epoch from statement_timestamp() - oldest))::bigint as oldest_age_secs
           from ledger_account, sums
          where account_id = $1",
    )
    .bind(account)
    .fetch_optional(conn)
    .await?;
    let explained = |row: PgRow| {
        Ok(Explained {
            volume: row.try_get("volume")?,
            explained: row.try_get("explained")?,
            share_bps: row.try_get("share_bps")?,
            open: row.try_get("open")?,
            open_net: row.try_get("open_net")?,
            oldest: row.try_get("oldest")?,
            oldest_age_secs: row.try_get("oldest_age_secs")?,
        })
    };
    row.map(explained).transpose()
}
