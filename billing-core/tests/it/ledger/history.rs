//! Histories in PostgreSQL, and what they make of each account, counted from the list of transfers alone.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use billing_core::ledger::{self, By, NewAccount};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{
    AccountId, Action, Amount,
    model::{ACCOUNTS, Step, account, asset, limited, steps, transfer},
};

/// All happened, and all was written, in the week after it.
pub const BEGIN: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);
const WEEK_SECS: u64 = 7 * 86_400;

/// Always the same ones.
pub fn histories(number: usize) -> Vec<Vec<Step>> {
    let mut runner = TestRunner::deterministic();
    (0..number).map(|_| steps().new_tree(&mut runner).expect("a history").current()).collect()
}

/// The model's accounts; those of even numbers are one owner's.
pub async fn open(pool: &PgPool) -> Result<()> {
    let mut conn = pool.acquire().await?;
    ledger::name_asset(&mut conn, "credits", 2).await?;
    ledger::name_asset(&mut conn, "RUB", 2).await?;
    let accounts = (0..ACCOUNTS).map(|number| NewAccount {
        id: account(number),
        asset: asset(number).to_owned(),
        kind: format!("kind {}", number % 3),
        owner: (number % 2 == 0).then(|| "app".to_owned()),
        limited: limited(number),
    });
    Ok(ledger::open_accounts(&mut conn, &accounts.collect::<Vec<_>>()).await?)
}

/// Posts what it can of a history; where it waits, some is sealed. Nothing expires.
pub async fn write(pool: &PgPool, steps: &[Step], spread_out: bool) -> Result<()> {
    for (number, step) in (0..).zip(steps) {
        let Some(mut transfer) = transfer(step) else {
            if let Step::Wait { seconds } = step {
                if spread_out {
                    spread(pool).await?;
                }
                ledger::seal(pool, 1 + 5 * i64::from(*seconds)).await?;
            }
            continue;
        };
        if let Action::Hold { timeout_secs: Some(secs), .. } = &mut transfer.action {
            *secs *= 3_600;
        }
        // Some at midnight to the second, some without.
        transfer.event_at = match number % 5 {
            0 => None,
            1 => Some(BEGIN + Duration::days(i64::try_from(number % 7)?)),
            _ => Some(BEGIN + Duration::seconds(i64::try_from(number * 7_919_317 % WEEK_SECS)?)),
        };
        // A refusal is one more way of going on.
        let _answer = ledger::post(pool, &[transfer]).await?;
    }
    Ok(())
}

/// Spreads what is not sealed over the week, as if it had been written then.
pub async fn spread(pool: &PgPool) -> Result<()> {
    changed(
        pool,
        "update ledger_transfer
            set created_at = timestamptz '2026-03-01Z' + position * interval '83 minutes',
                event_at = least(event_at, timestamptz '2026-03-01Z' + position * interval '83 minutes')
          where position > (select coalesce(max(last_position), 0) from ledger_seal)",
    )
    .await
}

/// Does what nobody may, as somebody could who may do everything in the database.
pub async fn changed(pool: &PgPool, sql: &str) -> Result<()> {
    let sql = format!("set session_replication_role = replica; {sql}; reset session_replication_role");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *pool.acquire().await?).await?;
    Ok(())
}

/// Seals all there is, by stretches. Other tests' transactions are waited for.
pub async fn seal_all(pool: &PgPool, most: i64) -> Result<()> {
    for _ in 0..1_000 {
        let left: bool = sqlx::query_scalar(
            "select exists (select from ledger_transfer where position > (select coalesce(max(last_position), 0) from ledger_seal))",
        )
        .fetch_one(pool)
        .await?;
        if !left {
            return Ok(());
        }
        ledger::seal(pool, most).await?;
    }
    anyhow::bail!("it is never sealed")
}

/// What one transfer changed of one account.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub account: AccountId,
    pub other: AccountId,
    pub id: Uuid,
    pub position: i64,
    pub event_at: OffsetDateTime,
    pub created_at: OffsetDateTime,
    pub posted: i128,
    pub pending_out: i128,
    pub pending_in: i128,
}

impl Change {
    pub fn at(&self, by: By) -> OffsetDateTime {
        match by {
            By::Booking => self.created_at,
            By::Event => self.event_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Stored {
    transfer_id: Uuid,
    position: i64,
    debit_account: Uuid,
    credit_account: Uuid,
    amount: Amount,
    kind: String,
    pending_id: Option<Uuid>,
    partly: bool,
    event_at: OffsetDateTime,
    created_at: OffsetDateTime,
}

/// Counted from the first transfer on, with what is left of each hold.
pub async fn changes(pool: &PgPool) -> Result<Vec<Change>> {
    let rows: Vec<Stored> = sqlx::query_as(
        "select transfer_id, position, debit_account, credit_account, amount, kind::text as kind, pending_id, partly, event_at, created_at
           from ledger_transfer order by position",
    )
    .fetch_all(pool)
    .await?;
    let (mut left, mut changes) = (HashMap::new(), Vec::new());
    for row in rows {
        let amount = i128::try_from(row.amount.units())?;
        let hold = row.pending_id.unwrap_or_default();
        let (posted, held) = match row.kind.as_str() {
            "posted" => (amount, 0),
            "pending" => {
                left.insert(row.transfer_id, amount);
                (0, amount)
            }
            ends => {
                let rest = left.get_mut(&hold).context("a hold")?;
                let is_commit = ends == "post_pending";
                let gone = if is_commit && row.partly { amount } else { *rest };
                ensure!(gone >= amount && (is_commit || gone == amount), "{gone} of {amount}");
                *rest -= gone;
                (if is_commit { amount } else { 0 }, -gone)
            }
        };
        let (debit, credit) = (AccountId(row.debit_account), AccountId(row.credit_account));
        let change = Change {
            account: debit,
            other: credit,
            id: row.transfer_id,
            position: row.position,
            event_at: row.event_at,
            created_at: row.created_at,
            posted: -posted,
            pending_out: held,
            pending_in: 0,
        };
        changes.push(change);
        changes.push(Change { account: credit, other: debit, posted, pending_out: 0, pending_in: held, ..change });
    }
    Ok(changes)
}

/// Posted, held of it, held for it.
pub fn sums<'a>(changes: impl Iterator<Item = &'a Change>) -> [i128; 3] {
    changes.fold([0; 3], |[posted, out, into], change| {
        [posted + change.posted, out + change.pending_out, into + change.pending_in]
    })
}
