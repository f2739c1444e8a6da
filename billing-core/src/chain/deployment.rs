//! What `script/deploy` wrote about one chain, in the place of addresses in the networks file.

use std::{fs, path::Path};

use alloy::primitives::Address;
use serde::Deserialize;

use super::{ChainError, Network};
use crate::ids::ChainId;

/// What the file says; in the networks file these keys would say it a second time.
const SAID_BY_IT: [&str; 6] =
    ["core_system", "plan_manager", "subscription_manager", "payment_gateway", "marketplace", "start_block"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployment {
    chain_id: ChainId,
    core_system: Address,
    plan_manager: Address,
    subscription_manager: Address,
    payment_gateway: Address,
    marketplace: Address,
    block_number: u64,
}

/// Fills addresses and first block of a network whose table names a deployment.
pub(super) fn resolve(network: &mut Network, table: &toml::Table, folder: &Path) -> Result<(), ChainError> {
    let Some(named) = &network.deployment else { return Ok(()) };
    let path = folder.join(named);
    let wrong = |what: String| ChainError::Networks(format!("{}: {what}", network.name));
    if let Some(key) = SAID_BY_IT.into_iter().find(|key| table.contains_key(*key)) {
        return Err(wrong(format!("deployment and {key} both say where the contracts are; name one of them")));
    }

    let at_path = |what: String| wrong(format!("deployment {}: {what}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| at_path(format!("{error}; script/deploy writes it")))?;
    let found: Deployment = serde_json::from_str(&text).map_err(|error| at_path(error.to_string()))?;
    if found.chain_id != network.chain_id {
        return Err(at_path(format!("is of chain id {}, the network's is {}", found.chain_id, network.chain_id)));
    }
    network.core_system = found.core_system;
    network.plan_manager = found.plan_manager;
    network.subscription_manager = found.subscription_manager;
    network.payment_gateway = found.payment_gateway;
    network.marketplace = found.marketplace;
    network.start_block = found.block_number;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::chain::Networks;

    const NETWORK: &str = r#"[[network]]
name = "a"
chain_id = 5
rpc_urls = ["http://x"]
deployment = "deployments/5.json"
"#;

    fn address(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    fn written() -> serde_json::Value {
        serde_json::json!({
            "chain_id": 5,
            "core_system": address(1),
            "plan_manager": address(2),
            "subscription_manager": address(3),
            "payment_gateway": address(4),
            "marketplace": address(5),
            "block_number": 77,
        })
    }

    /// A networks file and, where it is given, its deployment, in a folder of their own.
    fn networks_file(text: &str, deployment: Option<&str>) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("networks.toml");
        fs::write(&path, text).expect("the networks file");
        if let Some(deployment) = deployment {
            fs::create_dir(folder.path().join("deployments")).expect("a folder");
            fs::write(folder.path().join("deployments/5.json"), deployment).expect("the deployment");
        }
        (folder, path)
    }

    #[test]
    fn a_deployment_beside_the_networks_file_says_where_the_contracts_are() {
        let (_folder, path) = networks_file(NETWORK, Some(&written().to_string()));
        let networks = Networks::read(&path).expect("networks");
        let network = networks.find("a").expect("the network");
        let contracts = [
            network.core_system,
            network.plan_manager,
            network.subscription_manager,
            network.payment_gateway,
            network.marketplace,
        ];
        assert_eq!(contracts, [1, 2, 3, 4, 5].map(address));
        assert_eq!(network.start_block, 77);
    }

    #[test]
    fn a_deployment_that_contradicts_or_is_not_there_is_refused_with_what_to_change() {
        let changed = |key: &str, value: serde_json::Value| {
            let mut written = written();
            written[key] = value;
            written.to_string()
        };
        let mut without = written();
        without.as_object_mut().expect("an object").remove("plan_manager");
        for (deployment, says) in [
            (None, "script/deploy writes it"),
            (Some("{".to_owned()), "EOF"),
            (Some(changed("chain_id", 6.into())), "is of chain id 6, the network's is 5"),
            (Some(changed("core_system", serde_json::json!(Address::ZERO))), "name core_system, or the deployment"),
            (Some(changed("token", serde_json::json!(address(9)))), "unknown field `token`"),
            (Some(without.to_string()), "missing field `plan_manager`"),
        ] {
            let (_folder, path) = networks_file(NETWORK, deployment.as_deref());
            let refused = Networks::read(&path).expect_err(says).to_string();
            assert!(refused.contains(says) && refused.contains("a: "), "{refused}");
        }
    }

    #[test]
    fn what_a_deployment_says_is_not_said_again_even_if_it_is_the_same() {
        for key in SAID_BY_IT {
            let value = if key == "start_block" { "0".to_owned() } else { format!("\"{}\"", address(1)) };
            let (_folder, path) = networks_file(&format!("{NETWORK}{key} = {value}\n"), Some(&written().to_string()));
            let refused = Networks::read(&path).expect_err(key).to_string();
            assert!(refused.contains(&format!("deployment and {key} both say")), "{refused}");
        }
    }

    #[test]
    fn a_networks_file_that_is_not_there_is_named() {
        let refused = Networks::read(Path::new("/nowhere/networks.toml")).expect_err("no file").to_string();
        assert!(refused.contains("/nowhere/networks.toml cannot be read"), "{refused}");
    }
}
