//! `billing-charge`: runs on all networks at once, once or in a loop.

use std::{io::Write, sync::Arc, time::Duration, time::Instant};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use anyhow::{Context, bail};
use billing_core::{
    chain::{self, Networks, Rpc},
    charges::{self, ChargeError, Outcome, Progress, Reason, RunOptions, RunReport},
};
use billing_process::Readiness;
use futures::future::{join_all, try_join_all};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{config::ChargeConfig, metrics, progress, table};

/// Who asks the chain.
enum Caller {
    /// A dry run: the account that would send.
    Nobody(Address),
    /// A real run.
    Signer(Box<PrivateKeySigner>),
}

/// Everything a run needs, checked.
struct Charging {
    config: ChargeConfig,
    networks: Networks,
    pool: PgPool,
    nodes: Vec<Rpc>,
    caller: Caller,
    /// Ours alone, also among containers where every process has the same id.
    worker_instance: String,
    shutdown: CancellationToken,
}

/// Runs until done or told to stop; true when `--strict` found something that was not charged.
///
/// # Errors
/// What stands in the way at the start, and in `--once` and `--dry-run` what went wrong on any network.
pub async fn run(config: ChargeConfig, shutdown: CancellationToken) -> anyhow::Result<bool> {
    let charging = Charging::new(config, shutdown).await?;
    let readiness = Readiness::new(charging.pool.clone());
    if let Some(address) = charging.config.ops_listen {
        let listener =
            tokio::net::TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
        tokio::spawn(billing_process::serve_ops(listener, readiness.clone(), charging.shutdown.clone()));
    }
    if charging.config.once || charging.config.dry_run {
        return charging.once().await;
    }
    let strict = join_all(charging.nodes.iter().map(|node| charging.follow(node.clone(), &readiness))).await;
    Ok(strict.into_iter().collect::<anyhow::Result<Vec<_>>>()?.contains(&true))
}

/// Whether `--strict` has something to say. `NotDue` means that somebody else charged; `Pending` ends in a later run.
fn is_strict_failure(report: &RunReport) -> bool {
    let fails = |row: &charges::Row| match row.outcome {
        Outcome::Charged | Outcome::Pending | Outcome::Fiat => false,
        Outcome::Skipped => row.reason != Some(Reason::NotDue),
        Outcome::Failed | Outcome::Error => true,
    };
    !report.errors.is_empty() || report.rows.iter().any(fails)
}

impl Charging {
    async fn new(config: ChargeConfig, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let caller = caller(&config)?;
        let networks = config.networks.read()?;
        let chosen = networks.select(&config.network)?;
        let pool = billing_process::connect(&config.database).await?;
        let nodes = try_join_all(chosen.iter().map(Rpc::connect)).await?;
        if matches!(caller, Caller::Signer(_)) {
            let mut conn = pool.acquire().await.context("database")?;
            for node in &nodes {
                chain::register_network(&mut conn, node).await?;
            }
        }
        for node in &nodes {
            metrics::announce(&node.network.name);
        }
        let worker_instance = format!("billing-charge/{}", uuid::Uuid::now_v7());
        Ok(Self { config, networks, pool, nodes, caller, worker_instance, shutdown })
    }

    /// One run on every network, side by side; trouble of one does not keep the others' reports back.
    async fn once(&self) -> anyhow::Result<bool> {
        let progress = Arc::new(Progress::default());
        let watching = progress::watch(Arc::clone(&progress));
        let results = join_all(self.nodes.iter().map(|node| self.run_one(node, &progress))).await;
        drop(watching);
        let mut reports = Vec::new();
        let mut errors = Vec::new();
        for (node, result) in self.nodes.iter().zip(results) {
            match result {
                Ok(report) => reports.push(report),
                Err(error) => errors.push(named(node, &error)),
            }
        }
        self.print(&reports)?;
        if !errors.is_empty() {
            bail!("{}", errors.join("\n"));
        }
        Ok(self.config.strict && reports.iter().any(is_strict_failure))
    }

    async fn run_one(&self, node: &Rpc, progress: &Arc<Progress>) -> Result<RunReport, ChargeError> {
        let signer = match &self.caller {
            Caller::Nobody(address) => return charges::dry_run(&self.pool, node, *address, self.config.limit).await,
            Caller::Signer(signer) => signer,
        };
        let options = RunOptions {
            limit: self.config.limit,
            worker_instance: self.worker_instance.clone(),
            lease_secs: self.config.lease,
            receipt_wait: Duration::from_secs(self.config.receipt_wait),
            stop: self.shutdown.clone(),
            progress: Arc::clone(progress),
        };
        let begun = Instant::now();
        let report = charges::run(&self.pool, node, signer, &options).await?;
        metrics::record(&report, begun.elapsed().as_secs_f64());
        Ok(report)
    }

    /// Runs on one network until told to stop: a network whose node is down waits for nobody and keeps nobody waiting.
    async fn follow(&self, node: Rpc, readiness: &Readiness) -> anyhow::Result<bool> {
        let mut strict = false;
        while !self.shutdown.is_cancelled() {
            let progress = Arc::new(Progress::default());
            let watching = progress::watch(Arc::clone(&progress));
            let result = self.run_one(&node, &progress).await;
            drop(watching);
            let fault = result.as_ref().err().map(|error| named(&node, error));
            readiness.report(&format!("charging {}", node.network.name), fault.clone());
            match result {
                Ok(report) => {
                    strict |= is_strict_failure(&report);
                    if !report.rows.is_empty() || !report.errors.is_empty() {
                        self.print(std::slice::from_ref(&report))?;
                    }
                }
                Err(error) => {
                    tracing::error!("{}", named(&node, &error));
                    strict = true;
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(self.config.interval)) => {}
            }
        }
        Ok(strict && self.config.strict)
    }

    fn print(&self, reports: &[RunReport]) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.config.json {
            let rows: Vec<_> = reports.iter().flat_map(|report| &report.rows).collect();
            let totals: serde_json::Map<_, _> = reports
                .iter()
                .map(|report| Ok((report.network.clone(), serde_json::to_value(report.totals())?)))
                .collect::<Result<_, serde_json::Error>>()?;
            let errors: Vec<_> = reports.iter().flat_map(|report| &report.errors).collect();
            let apart: Vec<_> =
                reports.iter().filter(|report| report.simulated_apart).map(|report| &report.network).collect();
            let document = serde_json::json!({
                "dry_run": self.config.dry_run, "rows": rows, "totals": totals, "errors": errors,
                "simulated_apart": apart,
            });
            writeln!(out, "{document}")?;
        } else {
            write!(out, "{}", table::render(reports, &self.networks, self.config.dry_run))?;
        }
        Ok(())
    }
}

/// Most errors name their network already.
fn named(node: &Rpc, error: &ChargeError) -> String {
    let (name, text) = (&node.network.name, error.to_string());
    if text.starts_with(&format!("network {name}:")) { text } else { format!("network {name}: {text}") }
}

fn caller(config: &ChargeConfig) -> anyhow::Result<Caller> {
    let source = config.key.source()?;
    if config.dry_run {
        let address = match (config.automation_address, source) {
            (Some(address), _) => address,
            (None, Some(source)) => source.open()?.address(),
            (None, None) => {
                bail!("--dry-run needs --automation-address (or BILLING_AUTOMATION_KEY), to ask as that account")
            }
        };
        return Ok(Caller::Nobody(address));
    }
    let source = source.context("no key: set BILLING_AUTOMATION_KEY or BILLING_AUTOMATION_KEYSTORE")?;
    Ok(Caller::Signer(Box::new(source.open().context("BILLING_AUTOMATION_KEY")?)))
}
