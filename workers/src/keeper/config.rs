//! Arguments of `billing-ledger`.

use std::net::SocketAddr;

use billing_process::{DatabaseArgs, LogArgs};
use clap::Parser;

/// Keeps the ledger: ends holds whose time is over, seals transfers, compares the ledger with itself. Safe with any number of instances at once, and with a kill at any
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
    /// Seconds between two seals, while there is nothing to seal.
    #[arg(long, env = "BILLING_LEDGER_SEAL_INTERVAL", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seal_interval: u64,
    /// Hours between two comparisons of the whole ledger with itself; the first is at the start.
    #[arg(long, env = "BILLING_LEDGER_VERIFY_INTERVAL", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=720))]
    pub verify_interval: u64,
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
