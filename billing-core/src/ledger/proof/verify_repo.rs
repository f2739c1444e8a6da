//! SQL of the comparisons: sets, so that the database sorts and joins them within its own memory.

use sqlx::{PgConnection, PgPool, Postgres, Row as _, Transaction, postgres::PgRow};
use uuid::Uuid;

use super::{Difference, digest::Hash};

pub(super) async fn begin_snapshot(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    pool.begin_with("begin isolation level repeatable read read only").await
}

/// A row of `ledger_seal`.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) number: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) transfers: i64,
    pub(super) digests: Vec<u8>,
    pub(super) hash: Hash,
}

pub(super) async fn seal_after(conn: &mut PgConnection, number: i64) -> sqlx::Result<Option<Seal>> {
    let row = sqlx::query(
        "select seal_number, first_position, last_position, transfers, digests, hash
           from ledger_seal
          where seal_number > $1
          order by seal_number
          limit 1",
    )
    .bind(number)
    .fetch_optional(conn)
    .await?;
    let seal = |row: PgRow| {
        Ok(Seal {
            number: row.try_get("seal_number")?,
            first: row.try_get("first_position")?,
            last: row.try_get("last_position")?,
            transfers: row.try_get("transfers")?,
            digests: row.try_get("digests")?,
            hash: row.try_get("hash")?,
        })
    };
    row.map(seal).transpose()
}

/// Transfers and accounts.
pub(super) async fn counts(conn: &mut PgConnection) -> sqlx::Result<(u64, u64)> {
    let (transfers, accounts): (i64, i64) =
        sqlx::query_as("select (select count(*) from ledger_transfer), (select count(*) from ledger_account)")
            .fetch_one(conn)
            .await?;
    Ok((transfers.unsigned_abs(), accounts.unsigned_abs()))
}

/// A statement that gives a row for each difference; `$1` is how many may be named.
#[derive(Debug)]
pub(super) struct Check {
    sql: &'static str,
    difference: fn(&PgRow) -> sqlx::Result<Difference>,
}

impl Check {
    pub(super) async fn differences(&self, conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<Difference>> {
        let rows = sqlx::query(self.sql).bind(most).fetch_all(conn).await?;
        rows.iter().map(self.difference).collect()
    }
}

/// What the transfers name first, then what is made of them. Of a row that is missing, one column is shown.
pub(super) const CHECKS: [Check; 11] = [
    Check { sql: ORPHANS, difference: orphan },
    Check { sql: ENDS, difference: unknown_hold },
    Check { sql: REVERSALS, difference: unknown_reversed },
    Check { sql: REVERSED, difference: reversed_too_much },
    Check { sql: ENDED_AGAIN, difference: |row| Ok(Difference::HoldEndedAgain(row.try_get("transfer_id")?)) },
    Check { sql: HOLDS, difference: hold },
    Check { sql: ACCOUNTS, difference: account },
    Check { sql: OVERDRAWN, difference: |row| Ok(Difference::Overdrawn(row.try_get("account_id")?)) },
    Check { sql: BALANCED, difference: unbalanced },
    Check { sql: ENTRIES, difference: entry },
    Check { sql: DAYS, difference: day },
];

const ORPHANS: &str = "
    select transfer_id, debit_account, credit_account, debit.asset as debit_asset, credit.asset as credit_asset
      from ledger_transfer
      left join ledger_account as debit on debit.account_id = debit_account
      left join ledger_account as credit on credit.account_id = credit_account
     where (debit.asset = credit.asset) is not true
     order by position
     limit $1";

fn orphan(row: &PgRow) -> sqlx::Result<Difference> {
    let transfer = row.try_get("transfer_id")?;
    let assets: (Option<String>, Option<String>) = (row.try_get("debit_asset")?, row.try_get("credit_asset")?);
    Ok(match assets {
        (Some(debit), Some(credit)) => Difference::AssetsDiffer { transfer, debit, credit },
        (None, _) => Difference::UnknownAccount { transfer, account: row.try_get("debit_account")? },
        (Some(_), None) => Difference::UnknownAccount { transfer, account: row.try_get("credit_account")? },
    })
}

const ENDS: &str = "
    select t.transfer_id, t.pending_id
      from ledger_transfer as t
      left join ledger_transfer as hold on hold.transfer_id = t.pending_id and hold.kind = 'pending'
           and hold.debit_account = t.debit_account and hold.credit_account = t.credit_account and hold.position < t.position
     where t.pending_id is not null and hold.transfer_id is null
     order by t.position
     limit $1";

fn unknown_hold(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::UnknownHold { transfer: row.try_get("transfer_id")?, hold: row.try_get("pending_id")? })
}

const REVERSALS: &str = "
    select t.transfer_id, t.reverses
      from ledger_transfer as t
      left join ledger_transfer as moved on moved.transfer_id = t.reverses and moved.kind in ('posted', 'post_pending')
           and moved.reverses is null and moved.debit_account = t.credit_account and moved.credit_account = t.debit_account
           and moved.position < t.position
     where t.reverses is not null and moved.transfer_id is null
     order by t.position
     limit $1";

fn unknown_reversed(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::UnknownReversed { transfer: row.try_get("transfer_id")?, reverses: row.try_get("reverses")? })
}

const REVERSED: &str = "
    select moved.transfer_id, moved.amount::text as moved, back.amount::text as reversed
      from (select reverses, sum(amount) as amount from ledger_transfer where reverses is not null group by reverses) as back
      join ledger_transfer as moved on moved.transfer_id = back.reverses
     where back.amount > moved.amount
     order by moved.position
     limit $1";

fn reversed_too_much(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::ReversedTooMuch {
        transfer: row.try_get("transfer_id")?,
        moved: row.try_get("moved")?,
        reversed: row.try_get("reversed")?,
    })
}

/// What became of each hold, by its transfers alone.
macro_rules! held {
    ($select:literal) => {
        concat!(
            "with ends as (
                 select pending_id, coalesce(sum(amount) filter (where kind = 'post_pending'), 0) as taken, sum(amount) as gone,
                        count(*) filter (where kind = 'void_pending' or not partly) as ends, bool_or(kind = 'void_pending') as voided,
                        bool_or(kind = 'void_pending' and transfer_id = ledger_expiry_id(pending_id)) as expired,
                        max(position) as last, max(position) filter (where kind = 'void_pending' or not partly) as ended_at
                   from ledger_transfer
                  where pending_id is not null
                  group by pending_id
             ), held as (
                 select t.transfer_id, t.position, t.debit_account, t.credit_account, t.amount, t.partly,
                        t.created_at + make_interval(secs => t.timeout_secs) as expires_at,
                        case when ends > 0 then 0 else t.amount - coalesce(taken, 0) end as remaining,
                        case when expired then 'expired' when voided then 'voided' when ends > 0 or taken = t.amount then 'posted' end
                        as ended,
                        coalesce(ends > 1 or gone > t.amount or (voided and gone <> t.amount) or ended_at < last, false) as is_wrong
                   from ledger_transfer as t
                   left join ends on ends.pending_id = t.transfer_id
                  where t.kind = 'pending'
             ) ",
            $select
        )
    };
}

const ENDED_AGAIN: &str = held!("select transfer_id from held where is_wrong order by position limit $1");

const HOLDS: &str = held!(
    "select transfer_id, field, coalesce(stored, 'nothing') as stored, coalesce(found, 'nothing') as found
       from held
       full join ledger_hold as hold using (transfer_id)
      cross join lateral (values
                ('debit account', hold.debit_account::text, held.debit_account::text),
                ('credit account', hold.credit_account::text, held.credit_account::text),
                ('remaining', hold.remaining::text, held.remaining::text),
                ('partly', hold.partly::text, held.partly::text),
                ('expires_at', hold.expires_at::text, held.expires_at::text),
                ('ended', hold.ended::text, held.ended)) as fact (field, stored, found)
      where stored is distinct from found and (num_nulls(hold.partly, held.partly) = 0 or field = 'remaining')
      order by transfer_id
      limit $1"
);

fn hold(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::Hold {
        hold: row.try_get("transfer_id")?,
        field: row.try_get("field")?,
        stored: row.try_get("stored")?,
        found: row.try_get("found")?,
    })
}

const ACCOUNTS: &str = held!(
    ", sides as (
         select debit_account as account_id, 0 as held_out, 0 as held_in, 0 as put_in,
                case when kind in ('posted', 'post_pending') then amount else 0 end as taken
           from ledger_transfer
          union all
         select credit_account, 0, 0, case when kind in ('posted', 'post_pending') then amount else 0 end, 0
           from ledger_transfer
          union all
         select debit_account, remaining, 0, 0, 0 from held where remaining > 0
          union all
         select credit_account, 0, remaining, 0, 0 from held where remaining > 0
     ), sums as (
         select account_id, sum(held_out) as held_out, sum(held_in) as held_in, sum(put_in) as put_in,
                sum(taken) as taken
           from sides
          group by account_id
     )
     select account_id, field, stored::text as stored, coalesce(found, 0)::text as found
       from ledger_account as account
       left join sums using (account_id)
      cross join lateral (values
                ('debits_pending', account.debits_pending, sums.held_out),
                ('debits_posted', account.debits_posted, sums.taken),
                ('credits_pending', account.credits_pending, sums.held_in),
                ('credits_posted', account.credits_posted, sums.put_in)) as fact (field, stored, found)
      where stored <> coalesce(found, 0)
      order by account_id
      limit $1"
);

fn account(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::Account {
        account: row.try_get("account_id")?,
        field: row.try_get("field")?,
        stored: row.try_get("stored")?,
        found: row.try_get("found")?,
    })
}

const OVERDRAWN: &str = "
    select account_id
      from ledger_account
     where case limited when 'debits' then debits_posted + debits_pending > credits_posted
                        when 'credits' then credits_posted + credits_pending > debits_posted
                        else false end
     order by account_id
     limit $1";

const BALANCED: &str = "
    select asset, state, debits::text as debits, credits::text as credits
      from (select asset, sum(debits_posted) as debits_posted, sum(credits_posted) as credits_posted,
                   sum(debits_pending) as debits_pending, sum(credits_pending) as credits_pending
              from ledger_account
             group by asset) as sums
     cross join lateral (values ('posted', debits_posted, credits_posted),
                                ('pending', debits_pending, credits_pending)) as fact (state, debits, credits)
     where debits <> credits
     order by asset
     limit $1";

fn unbalanced(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::Unbalanced {
        asset: row.try_get("asset")?,
        state: row.try_get("state")?,
        debits: row.try_get("debits")?,
        credits: row.try_get("credits")?,
    })
}

const ENTRIES: &str = "
    select account_id, position, field, coalesce(stored, 'nothing') as stored, coalesce(found, 'nothing') as found
      from ledger_entry as entry
      full join (select * from ledger_change where position <= (select coalesce(max(last_position), 0) from ledger_seal)) as change using (account_id, position)
     cross join lateral (values
               ('event_at', entry.event_at::text, change.event_at::text),
               ('created_at', entry.created_at::text, change.created_at::text),
               ('posted', entry.posted::text, change.posted::text),
               ('pending_out', entry.pending_out::text, change.pending_out::text),
               ('pending_in', entry.pending_in::text, change.pending_in::text)) as fact (field, stored, found)
     where (entry.event_at, entry.created_at, entry.posted, entry.pending_out, entry.pending_in)
           is distinct from (change.event_at, change.created_at, change.posted, change.pending_out, change.pending_in)
       and stored is distinct from found and (num_nulls(entry.created_at, change.created_at) = 0 or field = 'posted')
     order by position, account_id
     limit $1";

fn entry(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::Entry {
        account: row.try_get::<Uuid, _>("account_id")?,
        position: row.try_get("position")?,
        field: row.try_get("field")?,
        stored: row.try_get("stored")?,
        found: row.try_get("found")?,
    })
}

const DAYS: &str = "
    with sums as (
        select account_id, kind, (at at time zone 'UTC')::date as day, sum(posted) as posted, sum(pending_out) as pending_out,
               sum(pending_in) as pending_in
          from ledger_entry, lateral (values ('booking', created_at), ('event', event_at)) as by_time (kind, at)
         group by 1, 2, 3
    )
    select account_id, kind, day::text as day, field, coalesce(stored, 'nothing') as stored, coalesce(found, 'nothing') as found
      from ledger_day as entered
      full join sums using (account_id, kind, day)
     cross join lateral (values
               ('posted', entered.posted::text, sums.posted::text),
               ('pending_out', entered.pending_out::text, sums.pending_out::text),
               ('pending_in', entered.pending_in::text, sums.pending_in::text)) as fact (field, stored, found)
     where (entered.posted, entered.pending_out, entered.pending_in) is distinct from (sums.posted, sums.pending_out, sums.pending_in)
       and stored is distinct from found and (num_nulls(entered.posted, sums.posted) = 0 or field = 'posted')
     order by account_id, kind, day
     limit $1";

fn day(row: &PgRow) -> sqlx::Result<Difference> {
    Ok(Difference::Day {
        account: row.try_get("account_id")?,
        kind: row.try_get("kind")?,
        day: row.try_get("day")?,
        field: row.try_get("field")?,
        stored: row.try_get("stored")?,
        found: row.try_get("found")?,
    })
}
