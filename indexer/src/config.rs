use std::net::SocketAddr;

use billing_core::chain::Network;
use billing_process::{DatabaseArgs, LogArgs, NetworkArgs};
use clap::{Parser, ValueEnum};

/// Mirrors the chains of the networks file into the database.
#[derive(Clone, Debug, Parser)]
#[command(name = "billing-indexer", version, about)]
pub struct Args {
    /// What to do.
    #[arg(value_enum, default_value_t = Action::Follow)]
    pub action: Action,
    /// Catch up with the head, less the network's confirmations, and exit.
    #[arg(long)]
    pub once: bool,
    /// Take back what `resume` shows, and go on on the node's branch.
    #[arg(long)]
    pub accept: bool,
    /// Only this network of the networks file; may be given more than once.
    #[arg(long = "network", value_name = "NAME")]
    pub only: Vec<String>,
    /// Address of `/health`, `/ready` and `/metrics`, such as `127.0.0.1:9101`; absent: no listener.
    #[arg(long, env = "BILLING_INDEXER_LISTEN")]
    pub ops_listen: Option<SocketAddr>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The networks.
    #[command(flatten)]
    pub networks: NetworkArgs,
    /// Logs.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What `billing-indexer` is asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Action {
    /// Mirror new blocks as they come.
    #[default]
    Follow,
    /// Compare the mirror with the contracts' own answers and with its own logs, print the differences, and exit with 1 if
    /// there are any.
    Verify,
    /// Make all plans, subscriptions, deposits and sales anew from the stored logs, without a node and while another
    /// process mirrors.
    Reindex,
    /// After a reorganisation deeper than what was final: show what the node's branch takes back, and with `--accept` do it.
    Resume,
}

impl Args {
    /// The networks to work on, in the order of the file.
    ///
    /// # Errors
    /// A networks file that cannot be used, or a name that is not in it.
    pub fn selected(&self) -> anyhow::Result<Vec<Network>> {
        Ok(self.networks.read()?.select(&self.only)?)
    }
}
