//! Arguments of `billing-api`.

use std::net::SocketAddr;

use billing_core::{mandates, money::TokenAmount};
use billing_process::{DatabaseArgs, FiatArgs, KeyArgs, LogArgs, NetworkArgs};
use clap::Parser;
use secrecy::SecretString;

use crate::limits::Limit;

/// Serves plans, subscriptions, charges and payments over HTTP; `/openapi.json` describes it.
#[derive(Parser, Clone, Debug)]
#[command(version)]
pub struct Config {
    /// Where to listen.
    #[arg(long, env = "BILLING_API_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Private key of the OPERATOR account, 32 bytes of hex: creates and freezes plans. Without it, plans are created by
    /// payloads for a wallet, and nothing can be frozen.
    #[arg(long, env = "BILLING_OPERATOR_KEY", hide_env_values = true)]
    pub operator_key: Option<SecretString>,
    /// Private key of the account that sends what subscribers signed, 32 bytes of hex; the operator's when absent.
    #[arg(long, env = "BILLING_RELAYER_KEY", hide_env_values = true)]
    pub relayer_key: Option<SecretString>,
    /// Wei that relays of one network may cost in any 24 hours, where the networks file does not say; a fifth is kept for
    /// cancellations.
    #[arg(long, env = "BILLING_RELAY_DAILY_WEI", default_value = "100000000000000000")]
    pub relay_daily_wei: TokenAmount,
    /// Relays of one subscriber on one chain in any 24 hours, cancellations apart.
    #[arg(long, env = "BILLING_RELAYS_PER_SUBSCRIBER", default_value_t = 10)]
    pub relays_per_subscriber: u32,
    /// Relayed cancellations of one subscriber on one chain in any 24 hours.
    #[arg(long, env = "BILLING_RELAY_CANCELS_PER_SUBSCRIBER", default_value_t = 50)]
    pub relay_cancels_per_subscriber: u32,
    /// Tokens of services, as `name:role:sha256hex` separated by commas; roles are `billing_admin`, `support`, `internal`.
    #[arg(long, env = "BILLING_SERVICE_TOKENS", hide_env_values = true, default_value = "")]
    pub service_tokens: SecretString,
    /// Redis that all replicas share for cached plans; without it each process caches its own.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<SecretString>,
    /// Requests per second of one service token; 0 for no limit.
    #[arg(long, env = "BILLING_API_TOKEN_RPS", default_value_t = 500)]
    pub token_rps: u32,
    /// Requests of one service token at once.
    #[arg(long, env = "BILLING_API_TOKEN_BURST", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub token_burst: u32,
    /// Requests per second of one client address without a token; 0 for no limit.
    #[arg(long, env = "BILLING_API_CLIENT_RPS", default_value_t = 20)]
    pub client_rps: u32,
    /// Requests of one client address at once.
    #[arg(long, env = "BILLING_API_CLIENT_BURST", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub client_burst: u32,
    /// Proxies of ours in front: the client is the one that the outermost of them wrote into `X-Forwarded-For`.
    #[arg(long, env = "BILLING_API_PROXIES", default_value_t = 0)]
    pub proxies: usize,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The chains.
    #[command(flatten)]
    pub networks: NetworkArgs,
    /// The key that charges, for `POST /internal/billing/charge`.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Providers of fiat money.
    #[command(flatten)]
    pub fiat: FiatArgs,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}

impl Config {
    pub(crate) fn relay_limits(&self) -> mandates::Limits {
        mandates::Limits {
            per_subscriber: self.relays_per_subscriber,
            cancels_per_subscriber: self.relay_cancels_per_subscriber,
            daily_wei: self.relay_daily_wei.0,
        }
    }

    pub(crate) fn token_limit(&self) -> Limit {
        Limit { per_second: self.token_rps, burst: self.token_burst }
    }

    pub(crate) fn client_limit(&self) -> Limit {
        Limit { per_second: self.client_rps, burst: self.client_burst }
    }
}
