//! The networks file of running chains.

use std::fmt::Write;

use crate::chain::Chain;

const NAMES: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];

/// A networks file for these chains, named `alpha`, `beta`, … in their order.
///
/// Nothing waits for confirmations there; a test that cares replaces the line.
pub fn networks_toml(chains: &[&Chain]) -> String {
    assert!(chains.len() <= NAMES.len(), "at most {} chains have names", NAMES.len());
    let mut file = String::new();
    for (chain, name) in chains.iter().zip(NAMES) {
        let addresses = chain.addresses();
        let written = write!(
            file,
            r#"[[network]]
name = "{name}"
chain_id = {chain_id}
rpc_urls = ["{url}"]
core_system = "{core_system}"
plan_manager = "{plan_manager}"
subscription_manager = "{subscription_manager}"
payment_gateway = "{payment_gateway}"
marketplace = "{marketplace}"
start_block = 0
confirmations = 0
finality_depth = 64
batch_size = 100
max_fee_gwei = 500
poll_interval_ms = 100

[[network.token]]
symbol = "USDT"
address = "{token}"
decimals = 6

"#,
            chain_id = chain.chain_id(),
            url = chain.url(),
            core_system = addresses.core_system,
            plan_manager = addresses.plan_manager,
            subscription_manager = addresses.subscription_manager,
            payment_gateway = addresses.payment_gateway,
            marketplace = addresses.marketplace.unwrap_or_default(),
            token = addresses.token,
        );
        written.expect("writing to a string cannot fail");
    }
    file
}
