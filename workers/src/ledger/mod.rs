//! `billing ledger`: the ledger as people and auditors read it.

mod shown;
mod verify;

use std::io::Write;

use anyhow::{Context, bail};
use billing_core::{
    ids::AccountId,
    ledger::{self, By},
};
use billing_process::DatabaseArgs;
use clap::{Args, Subcommand, ValueEnum};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{instant, report::Report};

/// What is asked.
#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Compare seals, transfers, accounts, holds and entries with each other; exits with 1 when they differ.
    Verify(DatabaseArgs),
    /// Seal the transfers that are not sealed yet.
    Seal(DatabaseArgs),
    /// What an account has, now or at an instant.
    Balance(BalanceArgs),
    /// An account's transfers, the newest first.
    Statement(StatementArgs),
    /// What all accounts of an owner have, now or at an instant.
    Owner(OwnerBalanceArgs),
    /// What an owner was given and has not used up, in the order in which it is spent.
    Grants(OwnerArgs),
    /// What is held of an account.
    Holds(AccountArgs),
    /// Debits and credits of all accounts, by asset and kind.
    TrialBalance(ShownArgs),
    /// How much of a suspense account's volume cancels out by reference.
    Explained(AccountArgs),
}

/// How to answer.
#[derive(Args)]
pub struct ShownArgs {
    /// As JSON, amounts as text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// An account.
#[derive(Args)]
pub struct AccountArgs {
    /// Its id.
    account: Uuid,
    #[command(flatten)]
    shown: ShownArgs,
}

/// Somebody who has accounts.
#[derive(Args)]
pub struct OwnerArgs {
    /// As the accounts name it.
    owner: String,
    #[command(flatten)]
    shown: ShownArgs,
}

/// An owner and an instant.
#[derive(Args)]
pub struct OwnerBalanceArgs {
    #[command(flatten)]
    of: OwnerArgs,
    #[command(flatten)]
    when: WhenArgs,
}

/// An account and an instant.
#[derive(Args)]
pub struct BalanceArgs {
    #[command(flatten)]
    of: AccountArgs,
    #[command(flatten)]
    when: WhenArgs,
}

/// An instant.
#[derive(Args)]
struct WhenArgs {
    /// At that instant, as 2026-11-21T20:00:00Z; now, if left out.
    #[arg(long, value_parser = instant::parse)]
    at: Option<OffsetDateTime>,
    /// Whether transfers count from when they were written, or from when they happened.
    #[arg(long, value_enum, default_value_t = Time::Booking, requires = "at")]
    by: Time,
}

impl WhenArgs {
    const fn by(&self) -> By {
        match self.by {
            Time::Booking => By::Booking,
            Time::Event => By::Event,
        }
    }
}

/// An account and how much of it.
#[derive(Args)]
pub struct StatementArgs {
    #[command(flatten)]
    of: AccountArgs,
    /// So many lines at most; 0: all.
    #[arg(long, default_value_t = 50)]
    lines: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Time {
    Booking,
    Event,
}

/// Transfers of one seal.
const SEALED_AT_ONCE: i64 = 5_000;
/// Holds that are listed.
const HOLDS: i64 = 1_000;

/// Answers to `out`.
///
/// # Errors
/// No such account; a ledger that is not as it was written; the database's.
pub async fn run(command: LedgerCommand, mut out: impl Write) -> anyhow::Result<()> {
    match command {
        LedgerCommand::Verify(database) => verify::verify(&billing_process::connect(&database).await?, out).await,
        LedgerCommand::Seal(database) => {
            let pool = billing_process::connect(&database).await?;
            let mut sealed = 0;
            while let Some(seal) = ledger::seal(&pool, SEALED_AT_ONCE).await? {
                sealed += seal.transfers;
            }
            Ok(writeln!(out, "{sealed} transfers sealed")?)
        }
        LedgerCommand::Owner(OwnerBalanceArgs { of: OwnerArgs { owner, shown }, when }) => {
            let mut conn = billing_process::connect(&shown.database).await?.acquire().await?;
            let balances = match when.at {
                Some(at) => ledger::owner_balances_at(&mut conn, &owner, at, when.by()).await?,
                None => ledger::owner_balances(&mut conn, &owner).await?,
            };
            shown::owner(&balances).write(shown.json, out)
        }
        LedgerCommand::Balance(BalanceArgs { of, when }) => {
            let mut conn = billing_process::connect(&of.shown.database).await?.acquire().await?;
            let id = AccountId(of.account);
            let balance = match when.at {
                Some(at) => ledger::balance_at(&mut conn, id, at, when.by()).await?,
                None => ledger::balance(&mut conn, id).await?,
            };
            shown::balance(&balance.with_context(|| unknown(id))?).write(of.shown.json, out)
        }
        LedgerCommand::Statement(StatementArgs { of, lines }) => statement(&of, lines).await?.write(of.shown.json, out),
        LedgerCommand::Grants(OwnerArgs { owner, shown: ShownArgs { json, database } }) => {
            let mut conn = billing_process::connect(&database).await?.acquire().await?;
            shown::grants(&ledger::grants::holdings(&mut conn, &owner).await?).write(json, out)
        }
        LedgerCommand::Holds(of) => {
            let mut conn = billing_process::connect(&of.shown.database).await?.acquire().await?;
            let id = AccountId(of.account);
            let Some(balance) = ledger::balance(&mut conn, id).await? else { bail!(unknown(id)) };
            shown::holds(&ledger::open_holds(&mut conn, id, HOLDS).await?, balance.scale).write(of.shown.json, out)
        }
        LedgerCommand::TrialBalance(ShownArgs { json, database }) => {
            let mut conn = billing_process::connect(&database).await?.acquire().await?;
            shown::trial_balance(&ledger::trial_balance(&mut conn).await?).write(json, out)
        }
        LedgerCommand::Explained(of) => {
            let mut conn = billing_process::connect(&of.shown.database).await?.acquire().await?;
            let id = AccountId(of.account);
            let Some(balance) = ledger::balance(&mut conn, id).await? else { bail!(unknown(id)) };
            let explained = ledger::explained(&mut conn, id).await?.with_context(|| unknown(id))?;
            shown::explained(&explained, balance.scale).write(of.shown.json, out)
        }
    }
}

async fn statement(of: &AccountArgs, lines: usize) -> anyhow::Result<Report> {
    let mut conn = billing_process::connect(&of.shown.database).await?.acquire().await?;
    let (id, most) = (AccountId(of.account), if lines == 0 { usize::MAX } else { lines });
    let (mut from, mut report) = (None, shown::statement());
    loop {
        let left = i64::try_from(most - report.len()).unwrap_or(i64::MAX);
        let page = ledger::statement(&mut conn, id, from, left).await?.with_context(|| unknown(id))?;
        shown::add_lines(&mut report, &page);
        from = page.next;
        if from.is_none() || report.len() >= most {
            return Ok(report);
        }
    }
}

fn unknown(account: AccountId) -> String {
    format!("no account {account}")
}
