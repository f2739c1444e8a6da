//! `billing payments`: payments of fiat money as their operator reads them, and against what their provider says.

mod shown;

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use billing_core::{
    ids::PaymentId,
    payments::{self, Filter, Status, refund},
};
use billing_fiat::Window;
use billing_process::{DatabaseArgs, FiatArgs};
use clap::{Args, Subcommand};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::instant;

/// What is asked.
#[derive(Subcommand)]
pub enum PaymentsCommand {
    /// Payments, the latest first.
    List(ListArgs),
    /// One payment and its refunds.
    Show(ShowArgs),
    /// Payments and refunds that an answer contradicts, and receipts that were canceled: what waits for a person.
    Troubles(ShownArgs),
    /// Compare a provider's list with what is here, both ways; exits with 2 when they differ.
    Reconcile(Box<ReconcileArgs>),
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

/// Which payments.
#[derive(Args)]
pub struct ListArgs {
    /// Only this owner's.
    #[arg(long)]
    owner: Option<String>,
    /// Only through this provider.
    #[arg(long)]
    provider: Option<String>,
    /// Only in this status: created, pending, authorized, succeeded, canceled.
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// So many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    limit: i64,
    #[command(flatten)]
    shown: ShownArgs,
}

/// A payment.
#[derive(Args)]
pub struct ShowArgs {
    /// Its id.
    payment: Uuid,
    #[command(flatten)]
    shown: ShownArgs,
}

/// A provider and a stretch of time.
#[derive(Args)]
pub struct ReconcileArgs {
    /// yookassa or stripe.
    #[arg(long)]
    provider: String,
    /// Payments made from then on, as 2026-11-21T20:00:00Z.
    #[arg(long, value_parser = instant::parse)]
    since: OffsetDateTime,
    /// And before then; now, if left out.
    #[arg(long, value_parser = instant::parse)]
    until: Option<OffsetDateTime>,
    #[command(flatten)]
    fiat: FiatArgs,
    #[command(flatten)]
    shown: ShownArgs,
}

fn status(word: &str) -> Result<Status, String> {
    let words = || Status::ALL.map(Status::as_str).join(", ");
    Status::from_word(word).ok_or_else(|| format!("is none of {}", words()))
}

/// Answers on `out`; the exit code says whether a comparison found differences.
///
/// # Errors
/// What is not there, what the provider says, and the database's.
pub async fn run(command: PaymentsCommand, mut out: impl Write) -> anyhow::Result<ExitCode> {
    match command {
        PaymentsCommand::List(ListArgs { owner, provider, status, limit, shown: ShownArgs { json, database } }) => {
            let pool = billing_process::connect(&database).await?;
            let found = payments::list(&pool, &Filter { owner, provider, status }, limit).await?;
            shown::payments(&found).write(json, out)?;
        }
        PaymentsCommand::Show(ShowArgs { payment, shown: ShownArgs { json, database } }) => {
            let pool = billing_process::connect(&database).await?;
            let id = PaymentId(payment);
            let found = payments::find(&pool, id).await?.with_context(|| format!("no payment {id}"))?;
            shown::payment(&found, &refund::of(&pool, id).await?, json, out)?;
        }
        PaymentsCommand::Troubles(ShownArgs { json, database }) => {
            let pool = billing_process::connect(&database).await?;
            shown::troubles(&payments::troubles(&pool).await?).write(json, out)?;
        }
        PaymentsCommand::Reconcile(asked) => return reconcile(*asked, &mut out).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn reconcile(asked: ReconcileArgs, mut out: impl Write) -> anyhow::Result<ExitCode> {
    let ReconcileArgs { provider, since, until, fiat, shown: ShownArgs { json, database } } = asked;
    let now = OffsetDateTime::now_utc();
    let window = Window { since, until: until.unwrap_or(now) };
    if window.since >= window.until {
        bail!("--since must be before --until");
    }
    let providers = fiat.providers()?;
    let provider = providers.get(&provider).context("BILLING_YOOKASSA_* and BILLING_STRIPE_* name the providers")?;
    let pool = billing_process::connect(&database).await?;
    let found = payments::reconcile(&pool, provider.as_ref(), window, now).await?;
    shown::differences(&found.differences).write(json, &mut out)?;
    if !json {
        writeln!(out, "{} payments compared, {} differences", found.compared, found.differences.len())?;
    }
    Ok(if found.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
