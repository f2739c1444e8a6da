//! What the clients were answered, beside what stands in the ledger.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
};

use anyhow::{Result, ensure};
use billing_core::{ids::TransferId, ledger::Amount};
use e2e::drill::{Asked, Entry, Fault, Given, journals};
use sqlx::PgPool;
use time::OffsetDateTime;

/// What all clients noted down.
#[derive(Debug, Default)]
pub struct Answers {
    granted: HashMap<TransferId, Given>,
    /// Ids whose answer nobody heard at first.
    unknown: HashSet<TransferId>,
    /// Of those, the ones that had been written.
    were_written: usize,
    answers: usize,
    refused: usize,
    expired: usize,
    deadlocks: usize,
}

/// Every answer is heard; what was granted is written as it was answered, always the same; and nothing else is written but
/// the ends of holds whose time was over.
pub async fn stand(pool: &PgPool, folder: &Path) -> Result<Answers> {
    let mut answers = Answers::default();
    for journal in journals(folder)? {
        answers.read(&journal)?;
    }
    ensure!(!answers.granted.is_empty(), "nothing was granted");
    let rows: Vec<(TransferId, Amount, OffsetDateTime, bool)> =
        sqlx::query_as("select transfer_id, amount, created_at, code = 'expired' from ledger_transfer")
            .fetch_all(pool)
            .await?;
    let written: HashMap<_, _> = rows.iter().map(|(id, amount, at, _)| (*id, (amount.units(), *at))).collect();
    for given in answers.granted.values() {
        let told = (u128::from(given.amount), given.created_at);
        ensure!(written.get(&given.id) == Some(&told), "{given:?} is {:?} in the ledger", written.get(&given.id));
    }
    for (id, _, _, expired) in &rows {
        ensure!(*expired != answers.granted.contains_key(id), "{id} is written, and nobody was told");
        answers.expired += usize::from(*expired);
    }
    Ok(answers)
}

impl Answers {
    fn read(&mut self, journal: &[Entry]) -> Result<()> {
        let mut asked: Option<(&[Asked], bool)> = None;
        for entry in journal {
            match (entry, asked) {
                (Entry::Ask(batch), None) => asked = Some((batch, false)),
                (Entry::Again { fault, error }, Some((batch, _))) => {
                    ensure!(*fault != Fault::Other, "{batch:?} gave {error}");
                    self.deadlocks += usize::from(*fault == Fault::Deadlock);
                    self.unknown.extend(batch.iter().map(|asked| asked.id));
                    asked = Some((batch, true));
                }
                (Entry::Granted(given), Some((batch, again))) => {
                    ensure!(given.iter().map(|given| given.id).eq(batch.iter().map(|asked| asked.id)), "{given:?}");
                    self.granted(given, again)?;
                    asked = None;
                }
                (Entry::Refused(why), Some((batch, _))) => {
                    let known = batch.iter().find(|asked| self.granted.contains_key(&asked.id));
                    ensure!(known.is_none(), "{known:?} was granted, and then {why}");
                    ensure!(!why.contains("Differs"), "{batch:?} is the same as before, and {why}");
                    self.refused += batch.len();
                    asked = None;
                }
                (entry, asked) => anyhow::bail!("{entry:?} after {asked:?}"),
            }
        }
        ensure!(asked.is_none(), "no answer to {asked:?}");
        Ok(())
    }

    fn granted(&mut self, all: &[Given], again: bool) -> Result<()> {
        self.answers += all.len();
        for given in all {
            match self.granted.get(&given.id) {
                None => {
                    ensure!(!given.existed || again, "{given:?} is asked for the first time");
                    self.were_written += usize::from(given.existed);
                    self.granted.insert(given.id, *given);
                }
                Some(first) => {
                    let same = Given { existed: first.existed, ..*given } == *first;
                    ensure!(given.existed && same, "answered {first:?} and then {given:?}");
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { granted, unknown, were_written, answers, refused, expired, deadlocks } = self;
        write!(
            f,
            "{} transfers and {expired} ends of holds written, {answers} granted and {refused} refused answers; {} ids asked \
             again because nobody had heard the answer, {were_written} of them had been written; {deadlocks} deadlocks",
            granted.len(),
            unknown.len(),
        )
    }
}
