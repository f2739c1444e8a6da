//! Arguments of `billing-charge`.

use std::net::SocketAddr;

use alloy::primitives::Address;
use billing_process::{DatabaseArgs, KeyArgs, LogArgs, NetworkArgs};
use clap::Parser;

/// Charges the subscriptions that are due. Safe with any number of instances at once, and with a kill at any instant.
#[derive(Parser, Clone, Debug)]
#[command(version)]
pub struct ChargeConfig {
    /// Say what would happen now, by simulation on the chain's state, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// One run, then end.
    #[arg(long)]
    pub once: bool,
    /// Only this network of the networks file; may stand several times.
    #[arg(long)]
    pub network: Vec<String>,
    /// Subscriptions of one network looked at in one run, at most.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    pub limit: i64,
    /// Seconds between two runs.
    #[arg(long, env = "BILLING_CHARGE_INTERVAL", default_value_t = 60)]
    pub interval: u64,
    /// End with exit code 2 when anything failed, went wrong, or was skipped for another reason than `NotDue`.
    #[arg(long)]
    pub strict: bool,
    /// Print one JSON document per run instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Seconds for which a claim keeps other instances away; after a crash, its claims are free again after this.
    #[arg(long, env = "BILLING_CHARGE_LEASE", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub lease: u32,
    /// Seconds to wait for receipts before a charge is left to the next run.
    #[arg(long, default_value_t = 60)]
    pub receipt_wait: u64,
    /// For `--dry-run` without a key: the account with the AUTOMATION role.
    #[arg(long, env = "BILLING_AUTOMATION_ADDRESS")]
    pub automation_address: Option<Address>,
    /// Where `/health`, `/ready` and `/metrics` listen; nowhere when absent.
    #[arg(long, env = "BILLING_CHARGE_LISTEN")]
    pub ops_listen: Option<SocketAddr>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The chains.
    #[command(flatten)]
    pub networks: NetworkArgs,
    /// The key.
    #[command(flatten)]
    pub key: KeyArgs,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}
