//! The ways of posting, and the accounts they post to.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use billing_core::{
    ids::{AccountId, TransferId},
    ledger::{self, Action, Amount, Limited, Movement, NewAccount, Transfer, Writer},
};
use sqlx::PgPool;
use test_support::Database;

use crate::{
    callers::{Pace, drive},
    sessions::Sessions,
};

const CUSTOMERS: usize = 10_000;
/// Accounts of the house: as many as TPC-B has branches at the yardstick's scale.
const HOUSE: usize = 50;
/// Transfers of one batch.
const BATCH: usize = 100;
/// Sessions of the callers that post directly. Far more only wait for each other at the log.
const SESSIONS: usize = 16;

/// How holds are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One round trip each, in a transaction of its own.
    Direct,
    /// A hundred in one transaction.
    Batched,
    /// By the writer that all callers share.
    Together,
    /// By the writer: a hold, then its commit; counted as two.
    Pairs,
}

/// Between which accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Any of the customers, any of the house's.
    Many,
    /// Any two of the customers.
    Strangers,
    /// Any of the customers, one of the house's.
    OneHouse,
    /// One of each.
    OneCustomer,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Batched => "batched",
            Self::Together => "together",
            Self::Pairs => "pairs",
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Many => "many",
            Self::Strangers => "strangers",
            Self::OneHouse => "one_house",
            Self::OneCustomer => "one_customer",
        })
    }
}

/// Accounts with enough in them.
#[derive(Clone, Debug)]
struct Parties {
    customers: Arc<Vec<AccountId>>,
    house: Arc<Vec<AccountId>>,
    spread: Spread,
}

impl Parties {
    fn hold(&self) -> Transfer {
        let any = |of: &[AccountId]| of[rand::random_range(0..of.len())];
        let debit = if self.spread == Spread::OneCustomer { self.customers[0] } else { any(&self.customers) };
        let credit = match self.spread {
            Spread::Many => any(&self.house),
            Spread::Strangers => loop {
                let other = any(&self.customers);
                if other != debit {
                    break other;
                }
            },
            Spread::OneHouse | Spread::OneCustomer => self.house[0],
        };
        let movement = Movement { debit, credit, amount: Amount::from(1) };
        asked(Action::Hold { movement, timeout_secs: Some(86_400), partly: false }, "hold")
    }
}

/// A ledger to measure.
#[derive(Debug)]
pub struct Books {
    database: Database,
    pool: PgPool,
    parties: Parties,
}

impl Books {
    pub async fn open() -> Result<Self> {
        let database = Database::create(&billing_core::MIGRATOR).await?;
        let pool = billing_process::pool_options().connect(database.url()).await?;
        let mut conn = pool.acquire().await?;
        ledger::name_asset(&mut conn, "credits", 2).await?;
        let of = |kind: &str, limited| NewAccount {
            id: AccountId::new(),
            asset: "credits".to_owned(),
            kind: kind.to_owned(),
            owner: None,
            limited,
        };
        let customers: Vec<_> = (0..CUSTOMERS).map(|_| of("customer", Some(Limited::Debits))).collect();
        let house: Vec<_> = (0..HOUSE).map(|_| of("house", None)).collect();
        ledger::open_accounts(&mut conn, &customers).await?;
        ledger::open_accounts(&mut conn, &house).await?;
        drop(conn);
        let ids = |accounts: &[NewAccount]| Arc::new(accounts.iter().map(|account| account.id).collect::<Vec<_>>());
        let parties = Parties { customers: ids(&customers), house: ids(&house), spread: Spread::Many };
        let books = Self { database, pool, parties };
        books.fund().await?;
        Ok(books)
    }

    async fn fund(&self) -> Result<()> {
        let given = self.parties.customers.iter().map(|customer| {
            let movement = Movement { debit: self.parties.house[0], credit: *customer, amount: Amount::from(1 << 50) };
            asked(Action::Post(movement), "topup")
        });
        for answer in ledger::post(&self.pool, &given.collect::<Vec<_>>()).await? {
            answer?;
        }
        Ok(())
    }

    pub async fn turn(&self, way: Way, spread: Spread, callers: usize, lasting: Duration) -> Result<Pace> {
        sqlx::query("checkpoint").execute(&self.pool).await?;
        let (pool, parties) = (self.pool.clone(), Parties { spread, ..self.parties.clone() });
        let writer = Writer::start(pool.clone());
        let sessions = Sessions::open(&pool, if way == Way::Direct { callers.min(SESSIONS) } else { 0 }).await?;
        drive(callers, lasting, move |_, _| {
            let (pool, parties, writer, sessions) = (pool.clone(), parties.clone(), writer.clone(), sessions.clone());
            async move {
                match way {
                    Way::Direct => {
                        let mut session = sessions.take().await?;
                        let answer = ledger::post_one(&mut session, &parties.hold()).await;
                        sessions.give_back(session);
                        answer??;
                        Ok(1)
                    }
                    Way::Batched => {
                        let batch: Vec<Transfer> = (0..BATCH).map(|_| parties.hold()).collect();
                        let answers = ledger::post(&pool, &batch).await?;
                        ensure!(answers.iter().all(Result::is_ok), "a hold was refused");
                        Ok(u32::try_from(BATCH)?)
                    }
                    Way::Together => {
                        writer.post_one(parties.hold()).await??;
                        Ok(1)
                    }
                    Way::Pairs => {
                        let hold = parties.hold();
                        let commit = asked(Action::Commit { hold: hold.id, amount: None, keep_rest: false }, "commit");
                        writer.post_one(hold).await??;
                        writer.post_one(commit).await??;
                        Ok(2)
                    }
                }
            }
        })
        .await
    }

    /// Transfers written so far.
    pub async fn stored(&self) -> Result<u64> {
        let stored: Option<i64> =
            sqlx::query_scalar("select max(position) from ledger_transfer").fetch_one(&self.pool).await?;
        Ok(stored.unwrap_or_default().unsigned_abs())
    }

    pub async fn close(self) -> Result<()> {
        self.pool.close().await;
        self.database.close().await
    }
}

fn asked(action: Action, code: &str) -> Transfer {
    Transfer { id: TransferId::new(), action, code: code.to_owned(), reference: None, event_at: None }
}
