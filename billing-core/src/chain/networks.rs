//! The networks file (`BILLING_NETWORKS`), and the single network that three variables describe.

use std::{
    collections::HashSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use alloy::primitives::Address;
use serde::Deserialize;

use super::{ChainError, deployment};
use crate::{ids::ChainId, money::TokenAmount};

/// All networks a process works on, in the order of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    /// `[[network]]` tables.
    #[serde(rename = "network", default)]
    list: Vec<Network>,
}

/// The tables as they stand: which keys the text names, defaults apart.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    network: Vec<toml::Table>,
}

/// One chain: how to reach it and where the contracts stand.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Short name: label of metrics, argument of `--network`.
    pub name: String,
    /// EIP-155 id; a node that serves another one is refused.
    pub chain_id: ChainId,
    /// Nodes in order of preference; http or https. May hold keys, so it is never logged.
    pub rpc_urls: Vec<String>,
    /// File that `script/deploy` wrote, in the place of the addresses and `start_block`; relative to the networks file.
    #[serde(default)]
    pub deployment: Option<PathBuf>,
    /// `CoreSystem`; zero or absent only where the text names a `deployment`.
    #[serde(default)]
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
    /// `Marketplace`; likewise, and zero where none is registered: there nothing is sold.
    #[serde(default)]
    pub marketplace: Address,
    /// First block that can hold an event of ours: the deployment's.
    #[serde(default)]
    pub start_block: u64,
    /// Blocks the mirror stays behind the head.
    #[serde(default)]
    pub confirmations: u64,
    /// Depth past which a block is taken as final; headers are kept this far back.
    #[serde(default = "default_finality_depth")]
    pub finality_depth: u64,
    /// Block that the chain itself calls final; what lies above it is not, however deep. Absent: the depth alone decides.
    #[serde(default)]
    pub finality_tag: Option<FinalityTag>,
    /// WebSocket of a node, ws or wss, that tells of new blocks sooner than the next poll; may hold a key. The polls go on.
    #[serde(default)]
    pub ws_url: Option<String>,
    /// Seconds of chain time that the mirror may be behind before `/ready` fails.
    #[serde(default = "default_max_lag_secs")]
    pub max_lag_secs: u64,
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
    /// Wei that relayed mandates and orders may cost in any 24 hours, as a decimal string (TOML's integers end at nine
    /// coins); absent: the process's own setting.
    #[serde(default)]
    pub relay_daily_wei: Option<TokenAmount>,
    /// Tokens with a name, for people; any other token is shown by its address.
    #[serde(rename = "token", default)]
    pub tokens: Vec<Token>,
}

/// Without `rpc_urls`, which may hold keys.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("name", &self.name).field("chain_id", &self.chain_id).finish_non_exhaustive()
    }
}

/// How a chain names its final block (Engine API's `safeBlockHash` and `finalizedBlockHash`; block tags of JSON-RPC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinalityTag {
    /// Attested by most validators: on Ethereum about one epoch behind.
    Safe,
    /// Not reverted without slashing: on Ethereum about two epochs behind.
    Finalized,
}

/// A token that people know by a symbol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
fn default_max_lag_secs() -> u64 {
    300
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
    /// Reads a networks file and the deployments that it names.
    ///
    /// # Errors
    /// A file that cannot be read, and as [`Networks::parse`].
    pub fn read(path: &Path) -> Result<Self, ChainError> {
        let text = fs::read_to_string(path)
            .map_err(|error| ChainError::Networks(format!("{} cannot be read: {error}", path.display())))?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads the text of a networks file whose deployments lie relative to `folder`.
    ///
    /// # Errors
    /// Says the line of a syntax error, which rule a network breaks, or what is wrong with a deployment.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ChainError> {
        let wrong = |error: toml::de::Error| ChainError::Networks(error.to_string());
        let mut networks: Self = toml::from_str(text).map_err(wrong)?;
        let written: Written = toml::from_str(text).map_err(wrong)?;
        for (network, table) in networks.list.iter_mut().zip(&written.network) {
            deployment::resolve(network, table, folder)?;
        }
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
        Self::parse(&file.to_string(), Path::new(""))
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

    /// Those with these names, each once and in the order of the file; all of them where no name is given.
    ///
    /// # Errors
    /// A name that is not there; says which there are.
    pub fn select(&self, names: &[String]) -> Result<Vec<Network>, ChainError> {
        if let Some(unknown) = names.iter().find(|name| self.find(name).is_none()) {
            let known = self.list.iter().map(|network| network.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(ChainError::Networks(format!("no network {unknown}; there are: {known}")));
        }
        let wanted = |network: &&Network| names.is_empty() || names.contains(&network.name);
        Ok(self.list.iter().filter(wanted).cloned().collect())
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
        if self.core_system.is_zero() {
            return wrong("name core_system, or the deployment that script/deploy wrote");
        }
        if self.rpc_urls.is_empty() {
            return wrong("rpc_urls must name at least one node");
        }
        if !(1..=1_000).contains(&self.batch_size) {
            return wrong("batch_size must be from 1 to 1000");
        }
        if self.ws_url.as_ref().is_some_and(|url| !url.starts_with("ws://") && !url.starts_with("wss://")) {
            return wrong("ws_url must start with ws:// or wss://");
        }
        for url in &self.rpc_urls {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                return wrong("rpc_urls must start with http:// or https://");
            }
        }
        Ok(())
    }

    /// Where listings are sold; `None` where no marketplace stands.
    #[must_use]
    pub fn marketplace(&self) -> Option<Address> {
        (!self.marketplace.is_zero()).then_some(self.marketplace)
    }

    /// What people call the token at `address`.
    #[must_use]
    pub fn token(&self, address: Address) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: Address = Address::repeat_byte(7);

    #[test]
    fn a_networks_keys_are_not_shown() {
        let networks = Networks::single("https://node.example/v2/a-secret", 1, CORE).expect("a network");
        assert!(!format!("{networks:?}").contains("a-secret"));
        assert!(networks.find("main").is_some_and(|network| network.rpc_urls[0].contains("a-secret")));
    }

    #[test]
    fn a_file_that_cannot_be_is_refused_with_what_to_change() {
        let network = |lines: &str| {
            format!(
                "[[network]]\nname = \"a\"\nchain_id = 1\nrpc_urls = [\"http://x\"]\ncore_system = \"{CORE}\"\n{lines}"
            )
        };
        let parse = |text: &str| Networks::parse(text, Path::new(""));
        assert!(parse(&network("")).is_ok());
        let core = format!("core_system = \"{CORE}\"");
        let twice = format!("{}\n{}", network(""), network(""));
        for (text, says) in [
            (String::new(), "no [[network]] table"),
            (twice, "must be unique"),
            (network("").replace(&core, ""), "name core_system, or the deployment"),
            (network("batch_size = 0"), "batch_size must be from 1 to 1000"),
            (network("batchsize = 5"), "unknown field"),
            (network("").replace("http://x", "ws://x"), "rpc_urls must start with"),
            (network("").replace("chain_id = 1", "chain_id = 0"), "chain_id must be positive"),
            (network("").replace("name = \"a\"", "name = \"a b\""), "name must be"),
        ] {
            let refused = parse(&text).expect_err(says).to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
