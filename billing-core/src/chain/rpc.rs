//! A checked connection to one network.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::client::RpcClient,
};
use billing_bindings::CoreSystem;

use super::{ChainError, Network};

/// Longest wait for any answer of a node.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest wait for the first answer of a node and, after it, for all checks of it.
const CHECK_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A node of a network that was seen to serve the right chain with our contracts on it.
#[derive(Clone)]
pub struct Rpc {
    /// The network's entry in the networks file.
    pub network: Network,
    /// Reads and raw sends; holds no key.
    pub provider: DynProvider,
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
    /// Connects to the first node that answers, and checks chain id and contract code.
    ///
    /// # Errors
    /// `Unreachable`, `WrongChain`, `MissingContract`: each says what to change.
    pub async fn connect(network: &Network) -> Result<Self, ChainError> {
        let mut last = String::new();
        for url in &network.rpc_urls {
            let provider = provider(network, url)?;
            match tokio::time::timeout(CHECK_TIMEOUT, provider.get_chain_id()).await {
                Ok(Ok(found)) if found == network.chain_id.as_u64() => {
                    let checked = tokio::time::timeout(CHECK_TIMEOUT, Self::checked(network, provider)).await;
                    return checked.unwrap_or_else(|_| Err(rpc_error(network, &"the node stopped answering")));
                }
                Ok(Ok(found)) => {
                    return Err(ChainError::WrongChain {
                        network: network.name.clone(),
                        url: host(url),
                        expected: network.chain_id,
                        found,
                    });
                }
                Ok(Err(error)) => last = without_url(&error.to_string(), url),
                Err(_) => last = format!("no answer within {CHECK_TIMEOUT:?}"),
            }
        }
        let urls = network.rpc_urls.iter().map(|url| host(url)).collect::<Vec<_>>().join(", ");
        Err(ChainError::Unreachable { network: network.name.clone(), urls, last })
    }

    async fn checked(network: &Network, provider: DynProvider) -> Result<Self, ChainError> {
        let mut rpc = Self { network: network.clone(), provider, genesis_hash: B256::ZERO, code_hashes: Vec::new() };
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
        let genesis = rpc.provider.get_block_by_number(0.into()).await.map_err(|e| rpc.error(&e))?;
        rpc.genesis_hash = genesis.map(|block| block.header.hash).unwrap_or_default();
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

fn provider(network: &Network, url: &str) -> Result<DynProvider, ChainError> {
    let wrong = |error: String| ChainError::Networks(format!("{}: {error}", network.name));
    let url = url.parse::<reqwest::Url>().map_err(|error| wrong(format!("rpc url: {error}")))?;
    let client = reqwest::Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let client = RpcClient::builder().http_with_client(client, url);
    Ok(ProviderBuilder::new().disable_recommended_fillers().connect_client(client).erased())
}

fn host(url: &str) -> String {
    url.parse::<reqwest::Url>()
        .ok()
        .and_then(|url| {
            let host = url.host_str()?.to_owned();
            Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
        })
        .unwrap_or_else(|| "(url that does not parse)".to_owned())
}

fn without_url(text: &str, url: &str) -> String {
    let trimmed = url.trim_end_matches('/');
    text.replace(url, &host(url)).replace(trimmed, &host(url))
}
