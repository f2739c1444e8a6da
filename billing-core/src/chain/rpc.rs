//! A checked connection to one network.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::client::RpcClient,
};
use billing_bindings::CoreSystem;
use billing_nodes::{Handle, Options, Pool, PoolError, WrongNode, host};

use super::{ChainError, Network};

/// Longest wait for the first answers of all nodes and, after them, for all checks of the contracts.
const CHECK_TIMEOUT: Duration = Duration::from_secs(4);
/// The nodes of a network, of which one at least was seen to serve the right chain with our contracts on it.
#[derive(Clone)]
pub struct Rpc {
    /// The network's entry in the networks file.
    pub network: Network,
    /// Reads and raw sends; holds no key.
    pub provider: DynProvider,
    /// What is under the provider: asks another node where one fails.
    pub nodes: Pool,
    /// Hash of block 0.
    pub genesis_hash: B256,
    /// Our contracts and the hashes of their code.
    pub code_hashes: Vec<(Address, B256)>,
}

/// Without the provider, whose url may hold a key.
impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rpc").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Rpc {
    /// Connects to the network's nodes; those that are down are asked again later. Checks chain id, genesis block and
    /// contract code.
    ///
    /// # Errors
    /// `Unreachable`, `WrongChain`, `MissingContract`: each says what to change.
    pub async fn connect(network: &Network) -> Result<Self, ChainError> {
        let name = || network.name.clone();
        let wrong = |error: PoolError| match error {
            PoolError::Wrong(WrongNode::ChainId { host, found, .. }) => {
                ChainError::WrongChain { network: name(), url: host, expected: network.chain_id, found }
            }
            PoolError::Wrong(WrongNode::Genesis { expected, found, host }) => {
                let (expected, found) = (expected.to_string(), format!("{found} at {host}"));
                ChainError::WrongGenesis { network: name(), expected, found }
            }
            PoolError::Unanswered(last) => {
                let urls = network.rpc_urls.iter().map(|url| host(url)).collect::<Vec<_>>().join(", ");
                ChainError::Unreachable { network: name(), urls, last }
            }
            error @ PoolError::Url(_) => ChainError::Networks(format!("{}: {error}", network.name)),
        };
        let nodes = Pool::new(&network.rpc_urls, network.chain_id.as_u64(), Options::default()).map_err(wrong)?;
        nodes.check(CHECK_TIMEOUT).await.map_err(wrong)?;
        let checked = tokio::time::timeout(CHECK_TIMEOUT, Self::checked(network, nodes)).await;
        checked.unwrap_or_else(|_| Err(rpc_error(network, &"the nodes stopped answering")))
    }

    /// The same network, asked only of nodes that have this block.
    #[must_use]
    pub fn at_least(&self, block: u64) -> Self {
        self.at_least_turned(block, 0)
    }

    /// The same network, asked only of nodes that have this block, beginning `turn` places after the preferred one.
    #[must_use]
    pub fn at_least_turned(&self, block: u64, turn: usize) -> Self {
        Self { provider: provider(self.nodes.at_least(block).turned(turn)), ..self.clone() }
    }

    async fn checked(network: &Network, nodes: Pool) -> Result<Self, ChainError> {
        let genesis_hash = nodes.genesis_hash().unwrap_or_default();
        let mut rpc = Self {
            network: network.clone(),
            provider: provider(nodes.at_least(0)),
            nodes,
            genesis_hash,
            code_hashes: Vec::new(),
        };
        rpc.require_code("core_system", network.core_system).await?;
        rpc.fill_addresses().await?;
        let network = rpc.network.clone();
        for (contract, address) in [
            ("plan_manager", network.plan_manager),
            ("subscription_manager", network.subscription_manager),
            ("payment_gateway", network.payment_gateway),
        ] {
            rpc.require_code(contract, address).await?;
        }
        if let Some(address) = network.marketplace() {
            rpc.require_code("marketplace", address).await?;
        }
        Ok(rpc)
    }

    /// Asks the register of `CoreSystem` for the addresses that the networks file leaves out.
    async fn fill_addresses(&mut self) -> Result<(), ChainError> {
        let core = CoreSystem::new(self.network.core_system, self.provider.clone());
        let network = self.network.clone();
        for (service, address) in [
            ("PlanManager", &mut self.network.plan_manager),
            ("SubscriptionManager", &mut self.network.subscription_manager),
            ("PaymentGateway", &mut self.network.payment_gateway),
            ("Marketplace", &mut self.network.marketplace),
        ] {
            if address.is_zero() {
                let found = core.serviceOf(B256::right_padding_from(service.as_bytes())).call().await;
                *address = found.map_err(|error| rpc_error(&network, &error))?;
            }
        }
        Ok(())
    }

    async fn require_code(&mut self, contract: &'static str, address: Address) -> Result<(), ChainError> {
        let code = self.provider.get_code_at(address).await.map_err(|e| self.error(&e))?;
        if code.is_empty() {
            return Err(ChainError::MissingContract { network: self.network.name.clone(), contract, address });
        }
        self.code_hashes.push((address, keccak256(&code)));
        Ok(())
    }

    /// A node's error under this network's name, without urls (they may hold keys).
    pub fn error(&self, error: &impl std::fmt::Display) -> ChainError {
        rpc_error(&self.network, error)
    }
}

fn rpc_error(network: &Network, error: &impl std::fmt::Display) -> ChainError {
    let text = network.rpc_urls.iter().fold(error.to_string(), |text, url| without_url(&text, url));
    ChainError::Rpc { network: network.name.clone(), message: text }
}

fn provider(nodes: Handle) -> DynProvider {
    ProviderBuilder::new().disable_recommended_fillers().connect_client(RpcClient::new(nodes, false)).erased()
}

fn without_url(text: &str, url: &str) -> String {
    let trimmed = url.trim_end_matches('/');
    text.replace(url, &host(url)).replace(trimmed, &host(url))
}
