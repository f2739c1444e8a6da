//! Arguments of `billing-worker`.

use std::net::SocketAddr;

use billing_process::{DatabaseArgs, FiatArgs, LogArgs};
use clap::Parser;

/// Attends to payments: begins those of periods that are due, asks providers about what is open, looks into notifications, sends refunds,
/// compares what providers list with what is here. Safe with any number of instances at once, and with a kill at any instant.
#[derive(Parser, Clone, Debug)]
#[command(version)]
pub struct WorkerConfig {
    /// Do each job until nothing is left of it for now, then end.
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks for payments, refunds and notifications whose time has come.
    #[arg(long, env = "BILLING_WORKER_POLL_INTERVAL", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub poll_interval: u64,
    /// Hours between two comparisons with each provider's lists, over all instances; each looks at three days.
    #[arg(long, env = "BILLING_WORKER_RECONCILE_INTERVAL", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=48))]
    pub reconcile_interval: u32,
    /// Where `/health`, `/ready` and `/metrics` listen; nowhere when absent.
    #[arg(long, env = "BILLING_WORKER_LISTEN")]
    pub ops_listen: Option<SocketAddr>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The providers.
    #[command(flatten)]
    pub fiat: FiatArgs,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}
