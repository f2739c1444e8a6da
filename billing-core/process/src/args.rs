use std::path::PathBuf;

use alloy::primitives::Address;
use anyhow::{Context, bail};
use billing_core::chain::{ChainError, Networks, SignerSource};
use clap::Args;
use secrecy::SecretString;

/// The database.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// PostgreSQL, as `postgres://user:password@host/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: SecretString,
    /// Connections of this process at most.
    #[arg(long, env = "BILLING_DB_CONNECTIONS", default_value_t = 10)]
    pub db_connections: u32,
}

/// Which chains to work on: a networks file, or one network by three variables.
#[derive(Args, Clone, Debug)]
pub struct NetworkArgs {
    /// Networks file (TOML).
    #[arg(long, env = "BILLING_NETWORKS")]
    pub networks: Option<PathBuf>,
    /// Node of the only network, where there is no networks file.
    #[arg(long, env = "BILLING_RPC_URL", hide_env_values = true)]
    pub rpc_url: Option<String>,
    /// Chain id of the only network.
    #[arg(long, env = "BILLING_CHAIN_ID")]
    pub chain_id: Option<u64>,
    /// `CoreSystem` of the only network; its register names the other contracts.
    #[arg(long, env = "BILLING_CORE_SYSTEM")]
    pub core_system: Option<Address>,
}

impl NetworkArgs {
    /// Reads the networks.
    ///
    /// # Errors
    /// A file that cannot be read or parsed, or variables that are missing; says which.
    pub fn read(&self) -> anyhow::Result<Networks> {
        if let Some(path) = &self.networks {
            return Networks::read(path).with_context(|| format!("{} (BILLING_NETWORKS)", path.display()));
        }
        match (&self.rpc_url, self.chain_id, self.core_system) {
            (Some(url), Some(chain_id), Some(core_system)) => Ok(Networks::single(url, chain_id, core_system)?),
            _ => bail!(
                "no network: set BILLING_NETWORKS to a networks file, or BILLING_RPC_URL, BILLING_CHAIN_ID and \
                 BILLING_CORE_SYSTEM"
            ),
        }
    }
}

/// The key that sends charges.
#[derive(Args, Clone, Debug)]
pub struct KeyArgs {
    /// Private key of the AUTOMATION account, 32 bytes of hex.
    #[arg(long, env = "BILLING_AUTOMATION_KEY", hide_env_values = true)]
    pub automation_key: Option<SecretString>,
    /// Encrypted keystore (Web3 Secret Storage v3) of the AUTOMATION account, instead of the key itself.
    #[arg(long, env = "BILLING_AUTOMATION_KEYSTORE")]
    pub automation_keystore: Option<PathBuf>,
    /// Password of the keystore.
    #[arg(long, env = "BILLING_AUTOMATION_KEYSTORE_PASSWORD", hide_env_values = true)]
    pub automation_keystore_password: Option<SecretString>,
}

impl KeyArgs {
    /// The key's source, where one is given.
    ///
    /// # Errors
    /// A keystore without a password.
    pub fn source(&self) -> Result<Option<SignerSource>, ChainError> {
        match (&self.automation_key, &self.automation_keystore, &self.automation_keystore_password) {
            (Some(key), None, _) => Ok(Some(SignerSource::PrivateKey(key.clone()))),
            (None, Some(path), Some(password)) => {
                Ok(Some(SignerSource::Keystore { path: path.clone(), password: password.clone() }))
            }
            (None, Some(_), None) => Err(ChainError::Key(
                "BILLING_AUTOMATION_KEYSTORE needs BILLING_AUTOMATION_KEYSTORE_PASSWORD".to_owned(),
            )),
            (Some(_), Some(_), _) => {
                Err(ChainError::Key("set BILLING_AUTOMATION_KEY or BILLING_AUTOMATION_KEYSTORE, not both".to_owned()))
            }
            (None, None, _) => Ok(None),
        }
    }
}

/// How to log.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// Filter of log lines (`info`, `billing_core=debug,info`).
    #[arg(long, env = "BILLING_LOG", default_value = "info")]
    pub log: String,
    /// `json` for machines, `text` for people.
    #[arg(long, env = "BILLING_LOG_FORMAT", default_value = "json", value_parser = ["json", "text"])]
    pub log_format: String,
}
