//! The networks file (`BILLING_NETWORKS`), and the single network that three variables describe.

use std::collections::HashSet;

use alloy::primitives::Address;
use serde::Deserialize;

use super::ChainError;
use crate::ids::ChainId;

/// All networks a process works on, in the order of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    /// `[[network]]` tables.
    #[serde(rename = "network", default)]
    list: Vec<Network>,
}

/// One chain: how to reach it and where the contracts stand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Short name: label of metrics, argument of `--network`.
    pub name: String,
    /// EIP-155 id; a node that serves another one is refused.
    pub chain_id: ChainId,
    /// Nodes in order of preference; http or https. May hold keys, so it is never logged.
    pub rpc_urls: Vec<String>,
    /// `CoreSystem`.
    pub core_system: Address,
    /// `PlanManager`; zero or absent: the one that `core_system` registers.
    #[serde(default)]
    pub plan_manager: Address,
    /// `SubscriptionManager`; likewise.
    #[serde(default)]
    pub subscription_manager: Address,
    /// `PaymentGateway`; likewise.
    #[serde(default)]
    pub payment_gateway: Address,
    /// First block that can hold an event of ours: the deployment's.
    #[serde(default)]
    pub start_block: u64,
    /// Blocks the mirror stays behind the head.
    #[serde(default)]
    pub confirmations: u64,
    /// Depth past which a block is taken as final; headers are kept this far back.
    #[serde(default = "default_finality_depth")]
    pub finality_depth: u64,
    /// Members of one charge transaction at most.
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// Gas limit of one transaction at most (EIP-7825: 16,777,216).
    #[serde(default = "default_max_gas_per_tx")]
    pub max_gas_per_tx: u64,
    /// Highest fee per gas we pay, base and tip together, in gwei.
    #[serde(default = "default_max_fee_gwei")]
    pub max_fee_gwei: u64,
    /// Time between two looks at the head, in milliseconds.
    #[serde(default = "default_poll_interval_ms")]
    pub poll_interval_ms: u64,
    /// Seconds without inclusion after which a transaction is sent again with a higher fee.
    #[serde(default = "default_replace_after_secs")]
    pub replace_after_secs: u64,
    /// Tokens with a name, for people; any other token is shown by its address.
    #[serde(rename = "token", default)]
    pub tokens: Vec<Token>,
}

/// A token that people know by a symbol.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// `USDC`, say.
    pub symbol: String,
    /// Zero for the native coin.
    pub address: Address,
    /// Digits after the point.
    pub decimals: u8,
}

fn default_finality_depth() -> u64 {
    64
}
fn default_batch_size() -> usize {
    100
}
fn default_max_gas_per_tx() -> u64 {
    16_000_000
}
fn default_max_fee_gwei() -> u64 {
    500
}
fn default_poll_interval_ms() -> u64 {
    1_000
}
fn default_replace_after_secs() -> u64 {
    60
}

impl Networks {
    /// Reads the text of a networks file.
    ///
    /// # Errors
    /// Says the line of a syntax error, or which rule a network breaks.
    pub fn parse(text: &str) -> Result<Self, ChainError> {
        let networks: Self = toml::from_str(text).map_err(|error| ChainError::Networks(error.to_string()))?;
        networks.check()?;
        Ok(networks)
    }

    /// One network under the name `main`, all else by default.
    ///
    /// # Errors
    /// As [`Networks::parse`].
    pub fn single(rpc_url: &str, chain_id: u64, core_system: Address) -> Result<Self, ChainError> {
        let table = |key: &str, value: toml::Value| (key.to_owned(), value);
        let chain_id = i64::try_from(chain_id).map_err(|_| ChainError::Networks("chain_id is too large".to_owned()))?;
        let network = toml::Table::from_iter([
            table("name", "main".into()),
            table("chain_id", chain_id.into()),
            table("rpc_urls", vec![rpc_url].into()),
            table("core_system", core_system.to_string().into()),
        ]);
        let file = toml::Table::from_iter([table("network", vec![network].into())]);
        Self::parse(&file.to_string())
    }

    fn check(&self) -> Result<(), ChainError> {
        let mut names = HashSet::new();
        let mut ids = HashSet::new();
        if self.list.is_empty() {
            return Err(ChainError::Networks("no [[network]] table".to_owned()));
        }
        for network in &self.list {
            if !names.insert(&network.name) || !ids.insert(network.chain_id) {
                return Err(ChainError::Networks(format!("{}: name and chain_id must be unique", network.name)));
            }
            network.check()?;
        }
        Ok(())
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.list.iter()
    }

    /// By name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Network> {
        self.list.iter().find(|network| network.name == name)
    }

    /// By chain id.
    #[must_use]
    pub fn find_by_id(&self, chain_id: ChainId) -> Option<&Network> {
        self.list.iter().find(|network| network.chain_id == chain_id)
    }
}

impl Network {
    fn check(&self) -> Result<(), ChainError> {
        let wrong = |what: &str| Err(ChainError::Networks(format!("{}: {what}", self.name)));
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return wrong("name must be letters, digits, - and _");
        }
        if self.chain_id.0 <= 0 {
            return wrong("chain_id must be positive");
        }
        if self.rpc_urls.is_empty() {
            return wrong("rpc_urls must name at least one node");
        }
        if !(1..=1_000).contains(&self.batch_size) {
            return wrong("batch_size must be from 1 to 1000");
        }
        for url in &self.rpc_urls {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                return wrong("rpc_urls must start with http:// or https://");
            }
        }
        Ok(())
    }

    /// What people call the token at `address`.
    #[must_use]
    pub fn token(&self, address: Address) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == address)
    }
}
