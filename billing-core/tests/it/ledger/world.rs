use anyhow::{Context as _, Result};
use billing_core::ledger::{self, Answer, NewAccount};
use sqlx::PgPool;

use super::{AccountId, Action, Amount, Limited, Movement, Transfer, TransferId};

/// So many accounts that cannot be overdrawn, and one of the house.
pub async fn accounts(pool: &PgPool, number: usize) -> Result<(Vec<AccountId>, AccountId)> {
    let mut conn = pool.acquire().await?;
    ledger::name_asset(&mut conn, "credits", 0).await?;
    let of = |kind: &str, limited| NewAccount {
        id: AccountId::new(),
        asset: "credits".to_owned(),
        kind: kind.to_owned(),
        owner: None,
        limited,
    };
    let mut opened: Vec<NewAccount> = (0..number).map(|_| of("customer", Some(Limited::Debits))).collect();
    opened.push(of("house", None));
    ledger::open_accounts(&mut conn, &opened).await?;
    let mut ids: Vec<AccountId> = opened.iter().map(|account| account.id).collect();
    let house = ids.pop().expect("the house");
    Ok((ids, house))
}

pub fn asked(action: Action) -> Transfer {
    Transfer { id: TransferId::new(), action, code: "test".to_owned(), reference: None, event_at: None }
}

pub fn moved(debit: AccountId, credit: AccountId, amount: u64) -> Transfer {
    asked(Action::Post(Movement { debit, credit, amount: Amount::from(amount) }))
}

pub fn held(debit: AccountId, credit: AccountId, amount: u64, partly: bool) -> Transfer {
    let movement = Movement { debit, credit, amount: Amount::from(amount) };
    asked(Action::Hold { movement, timeout_secs: Some(3_600), partly })
}

pub fn commit(hold: &Transfer, amount: u64, keep_rest: bool) -> Transfer {
    asked(Action::Commit { hold: hold.id, amount: Some(Amount::from(amount)), keep_rest })
}

pub fn release(hold: &Transfer) -> Transfer {
    asked(Action::Release { hold: hold.id })
}

pub async fn post(pool: &PgPool, transfer: &Transfer) -> Result<Answer> {
    Ok(ledger::post(pool, std::slice::from_ref(transfer)).await?.remove(0))
}

/// What it holds for its owner, holds taken off unless their time is over.
pub async fn available(pool: &PgPool, account: AccountId) -> Result<Amount> {
    let balance = ledger::balance(&mut *pool.acquire().await?, account).await?.context("an account")?;
    Amount::new(balance.available().units().try_into()?).context("an amount")
}

/// How many random histories are run: as many as usual, unless somebody has the time for more.
pub fn histories(usual: usize) -> usize {
    std::env::var("ABONO_LEDGER_HISTORIES").ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}
