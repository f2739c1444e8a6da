//! The laws of the ledger, each as the SQL that counts what breaks it.

use anyhow::{Result, ensure};
use sqlx::PgPool;

/// What each hold is, told by its transfers alone.
const HELD: &str = "with held as (
    select hold.transfer_id, hold.debit_account, hold.credit_account, hold.amount,
           coalesce(sum(part.amount) filter (where part.kind = 'post_pending'), 0) as taken,
           count(*) filter (where part.kind = 'void_pending' or not part.partly) as ends,
           max(part.position) as latest,
           max(part.position) filter (where part.kind = 'void_pending' or not part.partly) as ended_at,
           case when bool_or(part.kind = 'void_pending' or not part.partly) then 0
                else hold.amount - coalesce(sum(part.amount), 0) end as remaining
      from ledger_transfer as hold
      left join ledger_transfer as part on part.pending_id = hold.transfer_id
     where hold.kind = 'pending'
     group by hold.transfer_id)";

const LAWS: [(&str, &str); 8] = [
    (
        "an account's totals are the sums over its transfers",
        ", sides as (
             select debit_account as account_id, amount as debits_posted, 0 as credits_posted, 0 as debits_pending, 0 as credits_pending
               from ledger_transfer where kind in ('posted', 'post_pending')
             union all
             select credit_account, 0, amount, 0, 0 from ledger_transfer where kind in ('posted', 'post_pending')
             union all
             select debit_account, 0, 0, remaining, 0 from held
             union all
             select credit_account, 0, 0, 0, remaining from held)
         select count(*)
           from ledger_account as account
           left join (select account_id, sum(debits_posted), sum(credits_posted), sum(debits_pending), sum(credits_pending)
                        from sides group by account_id) as sums (account_id, a, b, c, d) using (account_id)
          where (debits_posted, credits_posted, debits_pending, credits_pending)
                <> (coalesce(a, 0), coalesce(b, 0), coalesce(c, 0), coalesce(d, 0))",
    ),
    (
        "a hold's row says what its transfers leave of it",
        "select count(*) from held full join ledger_hold as hold using (transfer_id)
          where held.remaining is distinct from hold.remaining
             or (held.debit_account, held.credit_account) is distinct from (hold.debit_account, hold.credit_account)",
    ),
    (
        "a hold ends once, nothing is taken from it afterwards, and never more than it is",
        "select count(*) from held where ends > 1 or taken > amount or latest > ended_at or remaining < 0",
    ),
    (
        "in each asset as much is put somewhere as is taken",
        "select count(*) from (select from ledger_account group by asset
                                having sum(debits_posted) <> sum(credits_posted) or sum(debits_pending) <> sum(credits_pending)) as asset",
    ),
    (
        "no limited account is overdrawn",
        "select count(*) from ledger_account
          where (limited = 'debits' and debits_posted + debits_pending > credits_posted)
             or (limited = 'credits' and credits_posted + credits_pending > debits_posted)",
    ),
    (
        "a transfer names two accounts of one asset",
        "select count(*) from ledger_transfer as t
           left join ledger_account as debit on debit.account_id = t.debit_account
           left join ledger_account as credit on credit.account_id = t.credit_account
          where debit.asset is distinct from credit.asset or debit.asset is null",
    ),
    (
        "what ends a hold names it, and its accounts",
        "select count(*) from ledger_transfer as part left join held on held.transfer_id = part.pending_id
          where part.pending_id is not null
            and (part.debit_account, part.credit_account) is distinct from (held.debit_account, held.credit_account)",
    ),
    (
        "time goes on along each account",
        ", sides as (
             select debit_account as account_id, position, created_at from ledger_transfer
             union all
             select credit_account, position, created_at from ledger_transfer),
         along as (
             select created_at, lag(created_at) over (partition by account_id order by position) as earlier from sides)
         select count(*) from along where created_at < earlier",
    ),
];

pub async fn hold(pool: &PgPool) -> Result<()> {
    let mut broken = Vec::new();
    for (law, sql) in LAWS {
        let times: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("{HELD} {sql}"))).fetch_one(pool).await?;
        if times > 0 {
            broken.push(format!("{times} times not: {law}"));
        }
    }
    ensure!(broken.is_empty(), "{broken:#?}");
    Ok(())
}
