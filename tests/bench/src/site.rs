//! A chain of a measurement: a node with our contracts, and the calls that make its history.

use std::time::Duration;

use alloy::primitives::{Address, Bytes};
use anyhow::Result;
use billing_bindings::SubscriptionManager;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use test_support::{AnvilOptions, Chain};

use crate::rpc::{Node, number};

/// What a transaction may take (EIP-7825); a block takes several.
pub const TRANSACTION_GAS: u64 = 16_777_216;
const BLOCK_GAS: &str = "400000000";
/// The node keeps the state of each block in memory, since reading an old one from disk would take it longer than
/// everything that is measured here.
const STATES: &str = "100000";

/// A node that mines when it is told to, and takes transactions of anybody.
#[derive(Debug)]
pub struct Site {
    pub chain: Chain,
    pub node: Node,
}

impl Site {
    /// Starts a node with the contracts.
    pub async fn start(chain_id: u64) -> Result<Self> {
        let arguments = ["--gas-limit", BLOCK_GAS, "--prune-history", STATES, "--disable-min-priority-fee"];
        let arguments = arguments.map(str::to_owned).to_vec();
        let chain = Chain::start_with(AnvilOptions { chain_id, arguments, ..AnvilOptions::default() }).await?;
        let site = Self { node: Node::new(chain.url()), chain };
        site.prepare().await?;
        Ok(site)
    }

    /// What a node forgets when it is restarted.
    pub async fn prepare(&self) -> Result<()> {
        self.node.ask("anvil_autoImpersonateAccount", json!([true])).await?;
        self.node.ask("evm_setAutomine", json!([false])).await.map(drop)
    }

    /// Events of the subscription manager so far, by its own count.
    pub async fn events(&self) -> Result<u64> {
        let manager = SubscriptionManager::new(self.manager(), self.chain.provider());
        Ok(manager.eventCount().call().await?)
    }

    pub async fn head(&self) -> Result<u64> {
        number(&self.node.ask("eth_blockNumber", json!([])).await?)
    }

    /// The block's own time, in seconds.
    pub async fn time(&self) -> Result<u64> {
        number(&self.node.ask("eth_getBlockByNumber", json!(["latest", false])).await?["timestamp"])
    }

    pub async fn mine(&self) -> Result<()> {
        self.node.ask("evm_mine", json!([])).await.map(drop)
    }

    /// Hands a transaction to the node; the next block has it.
    pub async fn send(&self, from: Address, to: Address, data: Vec<u8>, gas: u64) -> Result<()> {
        self.node.ask("eth_sendTransaction", json!([transaction(from, to, data, gas)])).await.map(drop)
    }

    pub fn manager(&self) -> Address {
        self.chain.addresses().subscription_manager
    }

    /// The contracts that the indexer asks for.
    pub fn sources(&self) -> Vec<Address> {
        let at = self.chain.addresses();
        let always = [at.plan_manager, at.subscription_manager, at.payment_gateway];
        always.into_iter().chain(at.marketplace).collect()
    }
}

/// A transaction as a node takes it from an account that it knows.
pub fn transaction(from: Address, to: Address, data: Vec<u8>, gas: u64) -> Value {
    json!({ "from": from, "to": to, "data": Bytes::from(data), "gas": format!("{gas:#x}"), "gasPrice": "0x77359400" })
}

/// A bar for something that takes `length` steps.
pub fn progress(what: &'static str, length: u64) -> Result<ProgressBar> {
    let style = "{prefix:>14} [{bar:30}] {human_pos}/{human_len} {eta} left";
    let bar = ProgressBar::new(length).with_prefix(what);
    bar.set_style(indicatif::ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.enable_steady_tick(Duration::from_millis(500));
    Ok(bar)
}
