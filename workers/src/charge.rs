//! `billing-charge`: runs on all networks at once, once or in a loop.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use anyhow::{Context, bail};
use billing_core::{
    chain::{Network, Networks, Rpc},
    charges::{self, ChargeError, Outcome, RunOptions, RunReport},
};
use billing_process::Readiness;
use futures::future::{join_all, try_join_all};
use indicatif::ProgressBar;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{config::ChargeConfig, metrics, table};

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
}

/// Runs until done or told to stop; true when `--strict` found something that was not charged.
///
/// # Errors
/// What stands in the way at the start, and in `--once` and `--dry-run` what went wrong on any network.
pub async fn run(config: ChargeConfig, shutdown: CancellationToken) -> anyhow::Result<bool> {
    let charging = Charging::new(config).await?;
    let readiness = Readiness::new(charging.pool.clone());
    if let Some(address) = charging.config.ops_listen {
        let listener =
            tokio::net::TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
        tokio::spawn(billing_process::serve_ops(listener, readiness.clone(), shutdown.clone()));
    }
    if charging.config.once || charging.config.dry_run {
        let (reports, errors) = charging.run_all().await;
        charging.print(&reports)?;
        if !errors.is_empty() {
            bail!("{}", errors.join("\n"));
        }
        return Ok(charging.config.strict && !reports.iter().all(all_charged));
    }
    charging.follow(&readiness, &shutdown).await
}

fn all_charged(report: &RunReport) -> bool {
    report.errors.is_empty() && report.rows.iter().all(|row| row.outcome == Outcome::Charged)
}

impl Charging {
    async fn new(config: ChargeConfig) -> anyhow::Result<Self> {
        let caller = caller(&config)?;
        let networks = config.networks.read()?;
        let chosen = choose(&networks, &config.network)?;
        let pool = billing_process::connect(&config.database).await?;
        let nodes = try_join_all(chosen.iter().map(Rpc::connect)).await?;
        for node in &nodes {
            metrics::announce(&node.network.name);
            if !config.dry_run {
                billing_core::chain::register_network(&mut *pool.acquire().await?, node).await?;
            }
        }
        Ok(Self { config, networks, pool, nodes, caller })
    }

    /// One run on every network, side by side; trouble of one is its own.
    async fn run_all(&self) -> (Vec<RunReport>, Vec<String>) {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_message("charging");
        bar.enable_steady_tick(Duration::from_millis(100));
        let results = join_all(self.nodes.iter().map(|node| self.run_one(node))).await;
        bar.finish_and_clear();
        let mut reports = Vec::new();
        let mut errors = Vec::new();
        for (node, result) in self.nodes.iter().zip(results) {
            match result {
                Ok(report) => reports.push(report),
                Err(error) => errors.push(format!("{}: {error}", node.network.name)),
            }
        }
        (reports, errors)
    }

    async fn run_one(&self, node: &Rpc) -> Result<RunReport, ChargeError> {
        let signer = match &self.caller {
            Caller::Nobody(address) => return charges::dry_run(&self.pool, node, *address, self.config.limit).await,
            Caller::Signer(signer) => signer,
        };
        let options = RunOptions {
            limit: self.config.limit,
            worker_instance: format!("billing-charge/{}", std::process::id()),
            lease_secs: self.config.lease,
            receipt_wait: Duration::from_secs(self.config.receipt_wait),
        };
        let begun = Instant::now();
        let report = charges::run(&self.pool, node, signer, &options).await?;
        metrics::record(&report, begun.elapsed().as_secs_f64());
        Ok(report)
    }

    async fn follow(&self, readiness: &Readiness, shutdown: &CancellationToken) -> anyhow::Result<bool> {
        let mut strict = false;
        while !shutdown.is_cancelled() {
            let (reports, errors) = self.run_all().await;
            readiness.report("charging", errors.first().cloned());
            for error in &errors {
                tracing::error!("{error}");
            }
            if reports.iter().any(|report| !report.rows.is_empty() || !report.errors.is_empty()) {
                self.print(&reports)?;
            }
            strict |= self.config.strict && !(errors.is_empty() && reports.iter().all(all_charged));
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(self.config.interval)) => {}
            }
        }
        Ok(strict)
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
            let document = serde_json::json!({
                "dry_run": self.config.dry_run, "rows": rows, "totals": totals, "errors": errors,
            });
            writeln!(out, "{document}")?;
        } else {
            write!(out, "{}", table::render(reports, &self.networks, self.config.dry_run))?;
        }
        Ok(())
    }
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

fn choose(networks: &Networks, names: &[String]) -> anyhow::Result<Vec<Network>> {
    if names.is_empty() {
        return Ok(networks.iter().cloned().collect());
    }
    let known = || networks.iter().map(|network| network.name.as_str()).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        networks
            .find(name)
            .cloned()
            .with_context(|| format!("no network {name:?} in the networks file; there are: {}", known()))
    };
    names.iter().map(find).collect()
}
