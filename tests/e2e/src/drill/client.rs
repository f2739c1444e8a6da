//! Clients that ask, note down the answer and go on; killed, they begin with what they do not know the answer of.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use billing_core::ledger::{self, Answer, LedgerError, Transfer, Writer};
use rand::Rng;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::task::JoinSet;

use super::{
    Asked, Entry, Fault, Given, Journal,
    draw::{Draw, Holds},
};

/// The clients of one process.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Of the database.
    pub url: String,
    /// Where the journals are.
    pub folder: PathBuf,
    /// Number of the first one, over all processes.
    pub first: u32,
    /// How many.
    pub clients: u32,
    /// Another one for each life of the process.
    pub seed: u64,
    /// Ask only for answers that are not known, then end.
    pub settle: bool,
}

/// Runs them until they are killed.
///
/// # Errors
/// A journal that cannot be read or written.
pub async fn run(clients: Clients) -> Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(clients.clients + 1)
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy(&clients.url)?;
    let (writer, holds) = (Writer::start(pool.clone()), Holds::default());
    let mut tasks = JoinSet::new();
    for number in clients.first..clients.first + clients.clients {
        let (journal, entries) = Journal::open(&clients.folder, number)?;
        let mut draw = Draw::new(clients.seed.wrapping_mul(1_000).wrapping_add(number.into()), holds.clone());
        draw.remember(&entries);
        let client = Client { pool: pool.clone(), writer: writer.clone(), journal, draw };
        tasks.spawn(client.live(unanswered(entries), clients.settle));
    }
    while let Some(client) = tasks.join_next().await {
        client??;
    }
    Ok(())
}

fn unanswered(entries: Vec<Entry>) -> Option<Vec<Asked>> {
    let mut last = None;
    for entry in entries {
        match entry {
            Entry::Ask(batch) => last = Some(batch),
            Entry::Granted(_) | Entry::Refused(_) => last = None,
            Entry::Again { .. } => {}
        }
    }
    last
}

struct Client {
    pool: PgPool,
    writer: Writer,
    journal: Journal,
    draw: Draw,
}

/// How a batch is posted.
#[derive(Clone, Copy)]
enum Way {
    /// In a transaction of the client's.
    OwnTransaction,
    /// In one that the ledger opens.
    Alone,
    /// With those of others.
    Writer,
}

impl Client {
    async fn live(mut self, unanswered: Option<Vec<Asked>>, settle: bool) -> Result<()> {
        if let Some(batch) = unanswered {
            self.journal.note(&Entry::Again { fault: Fault::Killed, error: String::new() })?;
            self.ask_until_answered(&batch).await?;
        }
        if settle {
            return Ok(());
        }
        loop {
            let batch = self.draw.batch();
            self.journal.note(&Entry::Ask(batch.clone()))?;
            self.ask_until_answered(&batch).await?;
            let pause = self.draw.rng.random_range(0..10);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn ask_until_answered(&mut self, batch: &[Asked]) -> Result<()> {
        let transfers: Vec<Transfer> = batch.iter().map(Asked::transfer).collect();
        loop {
            let way = match self.draw.rng.random_range(0..3) {
                0 => Way::OwnTransaction,
                1 => Way::Alone,
                _ => Way::Writer,
            };
            match self.ask(way, &transfers).await {
                Ok(answers) => return self.answered(batch, &answers),
                Err(error) => {
                    self.journal.note(&Entry::Again { fault: fault(&error), error: error.to_string() })?;
                    tokio::time::sleep(Duration::from_millis(self.draw.rng.random_range(20..200))).await;
                }
            }
        }
    }

    async fn ask(&self, way: Way, transfers: &[Transfer]) -> Result<Vec<Answer>, LedgerError> {
        match way {
            Way::OwnTransaction => {
                let mut tx = self.pool.begin().await?;
                let answers = match transfers {
                    [one] => vec![ledger::post_one_in_tx(&mut tx, one).await?],
                    linked => ledger::post_in_tx(&mut tx, &[linked]).await?.concat(),
                };
                tx.commit().await?;
                Ok(answers)
            }
            Way::Alone => ledger::post(&self.pool, transfers).await,
            Way::Writer => self.writer.post(transfers.to_vec()).await,
        }
    }

    fn answered(&mut self, batch: &[Asked], answers: &[Answer]) -> Result<()> {
        if let Some(refusal) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            let all: Vec<String> = answers.iter().map(|answer| format!("{answer:?}")).collect();
            let none = answers.iter().all(Result::is_err);
            anyhow::ensure!(none, "a batch is answered {refusal} and {all:?}");
            return self.journal.note(&Entry::Refused(all.join("; ")));
        }
        let given = answers.iter().flatten().map(Given::new).collect::<Result<Vec<_>>>().context("an amount")?;
        self.journal.note(&Entry::Granted(given))?;
        self.draw.granted(batch);
        Ok(())
    }
}

fn fault(error: &LedgerError) -> Fault {
    match error {
        LedgerError::Db(sqlx::Error::Database(error)) => match error.code().as_deref() {
            Some(code) if code.starts_with("57P") => Fault::Outage,
            Some("40P01") => Fault::Deadlock,
            _ => Fault::Other,
        },
        LedgerError::Db(
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed,
        )
        | LedgerError::Lost => Fault::Outage,
        _ => Fault::Other,
    }
}
