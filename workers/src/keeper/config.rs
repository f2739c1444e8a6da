//! Arguments of `billing-ledger`.

use std::net::SocketAddr;

use billing_process::{DatabaseArgs, LogArgs};
use clap::Parser;

/// Keeps the ledger: ends holds whose time is over. Safe with any number of instances at once, and with a kill at any
/// instant.
#[derive(Parser, Clone, Debug)]
#[command(version)]
pub struct KeeperConfig {
    /// Do each job until nothing is left of it, then end.
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks for holds whose time is over.
    #[arg(long, env = "BILLING_LEDGER_SWEEP_INTERVAL", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub sweep_interval: u64,
    /// Where `/health`, `/ready` and `/metrics` listen; nowhere when absent.
    #[arg(long, env = "BILLING_LEDGER_LISTEN")]
    pub ops_listen: Option<SocketAddr>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}
