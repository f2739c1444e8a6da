//! What a client noted down, each line before it went on.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use billing_core::{ids::TransferId, ledger::Recorded};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Asked;

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Entry {
    /// About to be asked, linked. What follows is its answer.
    Ask(Vec<Asked>),
    /// Nobody knows what became of it, and it is asked again.
    Again {
        /// Why.
        fault: Fault,
        /// What the ledger said.
        error: String,
    },
    /// Answered: all of them are written.
    Granted(Vec<Given>),
    /// Answered: none of them is.
    Refused(String),
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The client was killed.
    Killed,
    /// The database was killed, or starts.
    Outage,
    /// The database chose it so that others could go on.
    Deadlock,
    /// There should be none.
    Other,
}

/// The answer for one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as `billing_core::ledger::Recorded`")]
pub struct Given {
    pub id: TransferId,
    pub amount: u64,
    pub created_at: OffsetDateTime,
    pub existed: bool,
}

impl Given {
    pub(super) fn new(recorded: &Recorded) -> Result<Self> {
        let Recorded { id, amount, created_at, existed } = *recorded;
        Ok(Self { id, amount: amount.units().try_into()?, created_at, existed })
    }
}

/// The file of one client. What is written to it stays when the process is killed.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Opens it, and gives what the client's former lives wrote.
    ///
    /// # Errors
    /// The file's.
    pub fn open(folder: &Path, client: u32) -> Result<(Self, Vec<Entry>)> {
        let path = folder.join(format!("client-{client:02}.journal"));
        let file = File::options().create(true).append(true).open(&path)?;
        let text = fs::read_to_string(&path)?;
        // The kill may have torn the last line.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole.try_into()?)?;
        Ok((Self(file), entries(&text[..whole])?))
    }

    pub(super) fn note(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        Ok(self.0.write_all(&line)?)
    }
}

/// All journals of a folder.
///
/// # Errors
/// A file that cannot be read.
pub fn journals(folder: &Path) -> Result<Vec<Vec<Entry>>> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    let journals = files.iter().filter(|path| path.extension().is_some_and(|found| found == "journal"));
    journals.map(|path| entries(&fs::read_to_string(path)?)).collect()
}

fn entries(text: &str) -> Result<Vec<Entry>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}
