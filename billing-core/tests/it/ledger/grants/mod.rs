mod histories;
mod model;
mod terms;

use anyhow::Result;
use billing_core::{
    ids::GrantId,
    ledger::{
        self, Answer, House,
        grants::{self, Category, NewGrant, Spend, Timeout},
    },
};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Amount, TransferId};

pub fn given(owner: &str, amount: u64) -> NewGrant {
    NewGrant {
        id: GrantId::new(),
        owner: owner.to_owned(),
        asset: "credits".to_owned(),
        amount: Amount::from(amount),
        category: Category::Promotional,
        priority: 50,
        effective_at: None,
        expires_at: None,
        applies_to: Vec::new(),
        cost: None,
        reference: None,
    }
}

pub fn spent(owner: &str, amount: u64) -> Spend {
    Spend {
        id: TransferId::new(),
        owner: owner.to_owned(),
        asset: "credits".to_owned(),
        amount: Amount::from(amount),
        product: None,
        credit: House::Revenue.account("credits"),
        reference: None,
    }
}

pub const HELD: Timeout = Timeout { secs: Some(3_600), partly: true };

/// One verb of grants.
#[derive(Clone, Debug)]
pub enum Verb {
    Give(NewGrant),
    Spend(Spend),
    Hold(Spend, Timeout),
    Commit { id: TransferId, hold: TransferId, amount: Option<Amount>, keep_rest: bool },
    Release { id: TransferId, hold: TransferId },
    Refund { id: TransferId, of: TransferId, amount: Option<Amount> },
    Revoke { id: TransferId, grant: GrantId, amount: Option<Amount> },
}

/// In a transaction of its own.
pub async fn asked(pool: &PgPool, verb: &Verb) -> Result<Answer> {
    let mut tx = pool.begin().await?;
    let answer = match verb {
        Verb::Give(grant) => grants::grant(&mut tx, grant).await?,
        Verb::Spend(spend) => grants::spend(&mut tx, spend).await?,
        Verb::Hold(spend, timeout) => grants::hold(&mut tx, spend, *timeout).await?,
        Verb::Commit { id, hold, amount, keep_rest } => {
            grants::commit(&mut tx, *id, *hold, *amount, *keep_rest, None).await?
        }
        Verb::Release { id, hold } => grants::release(&mut tx, *id, *hold, None).await?,
        Verb::Refund { id, of, amount } => grants::refund(&mut tx, *id, *of, *amount, None).await?,
        Verb::Revoke { id, grant, amount } => grants::revoke(&mut tx, *id, *grant, *amount, None).await?,
    };
    tx.commit().await?;
    Ok(answer)
}

/// What somebody has at an instant by event time: a plain sum over all that is written.
pub async fn balance(pool: &PgPool, owner: &str, at: OffsetDateTime) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "select coalesce(sum(case when t.credit_account = a.account_id then t.amount else -t.amount end), 0)::bigint
           from ledger_account as a
           join ledger_transfer as t on a.account_id in (t.debit_account, t.credit_account)
          where a.owner = $1 and t.kind in ('posted', 'post_pending') and t.event_at <= $2",
    )
    .bind(owner)
    .bind(at)
    .fetch_one(pool)
    .await?)
}

pub async fn begin(pool: &PgPool) -> Result<()> {
    sqlx::raw_sql(
        "set session_replication_role = replica; truncate ledger_grant, ledger_transfer, ledger_hold, ledger_account; reset session_replication_role",
    )
    .execute(&mut *pool.acquire().await?)
    .await?;
    let mut conn = pool.acquire().await?;
    for (asset, scale) in [("credits", 0), ("RUB", 2)] {
        ledger::name_asset(&mut conn, asset, scale).await?;
    }
    Ok(ledger::open_house(&mut conn, "credits", &House::OF_CREDITS).await?)
}
