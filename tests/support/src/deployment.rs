//! The contracts, deployed once by the real deploy script and kept as a chain state that every test's node loads.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use alloy::primitives::{Address, Keccak256};
use anyhow::{Context, Result};
use serde_json::Value;

use crate::accounts::Role;
use crate::anvil::{Anvil, AnvilOptions};
use crate::project::{output, root};

/// A chain id nobody else uses here, so that the files of a demo's deployment stay untouched.
const DEPLOY_CHAIN_ID: u64 = 313_370_001;

/// Where the contracts are; the same on every chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Roles and the service registry.
    pub core_system: Address,
    /// Plans.
    pub plan_manager: Address,
    /// Subscriptions and charges.
    pub subscription_manager: Address,
    /// Prices payments.
    pub payment_gateway: Address,
    /// The test token, six decimals, mintable by anyone.
    pub token: Address,
    /// The account that is paid the fees.
    pub fee_receiver: Address,
}

/// A chain state with the contracts in it.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// A state file for [`AnvilOptions::load_state`].
    pub state: PathBuf,
    /// Where the contracts are.
    pub addresses: Addresses,
}

impl Deployment {
    /// Deploys unless that was done with the same sources; other processes wait meanwhile.
    pub async fn ensure() -> Result<Self> {
        let folder = root().join(".dev/chain-state");
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.lock().context("the chain state's lock")?;
        let hash = sources_hash()?;
        let state = folder.join(format!("{hash}.json"));
        let addresses = folder.join(format!("{hash}.addresses.json"));
        if !(state.exists() && addresses.exists()) {
            deploy(&state, &addresses).await.context("deploying the contracts")?;
        }
        let addresses = serde_json::from_str(&fs::read_to_string(addresses)?)?;
        Ok(Self { state, addresses: parse(&addresses)? })
    }
}

/// Runs the deploy scripts against a node.
pub(crate) async fn run_scripts(anvil: &Anvil) -> Result<Value> {
    let chain_id = anvil.chain_id();
    let mut found = run_script(anvil, "script/Deploy.s.sol:Deploy", &chain_id.to_string()).await?;
    let token = run_script(anvil, "script/DeployTestToken.s.sol:DeployTestToken", &format!("token-{chain_id}")).await?;
    found["token"] = token["token"].clone();
    forge_script(anvil, "script/DeployPermit2.s.sol:DeployPermit2").await?;
    Ok(found)
}

async fn deploy(state: &Path, addresses: &Path) -> Result<()> {
    let anvil = Anvil::spawn(AnvilOptions { chain_id: DEPLOY_CHAIN_ID, ..AnvilOptions::default() }).await?;
    let found = run_scripts(&anvil).await?;
    let (_folder, saved) = anvil.save().await?;
    let unfinished = state.with_extension("unfinished");
    fs::copy(saved, &unfinished).context("the saved state")?;
    fs::rename(unfinished, state)?;
    Ok(fs::write(addresses, found.to_string())?)
}

/// Runs a script as the admin and reads the file it leaves in `.dev/deployments`.
async fn run_script(anvil: &Anvil, script: &str, result: &str) -> Result<Value> {
    let result = root().join(format!(".dev/deployments/{result}.json"));
    fs::create_dir_all(root().join(".dev/deployments"))?;
    forge_script(anvil, script).await?;
    let written = fs::read_to_string(&result).with_context(|| format!("{script} left no {}", result.display()))?;
    Ok(serde_json::from_str(&written)?)
}

async fn forge_script(anvil: &Anvil, script: &str) -> Result<()> {
    let mut forge = Command::new("bash");
    forge.args(["-c", r#". script/env && exec "$FORGE_BIN" "$@""#, "forge"]);
    forge.args(["script", script, "--broadcast", "--non-interactive", "--rpc-url", &anvil.url()]);
    forge.args(["--private-key", &Role::Admin.key()]);
    forge.env("ABONO_FEE_BPS", "250").env("ABONO_FEE_RECEIVER", Role::FeeReceiver.address().to_string());
    forge.env("ABONO_ADMIN", Role::Admin.address().to_string());
    forge.env("ABONO_OPERATOR", Role::Operator.address().to_string());
    forge.env("ABONO_AUTOMATION", Role::Automation.address().to_string());
    forge.env("ABONO_GOVERNOR", Role::Governor.address().to_string());
    tokio::task::spawn_blocking(move || output(&mut forge)).await??;
    Ok(())
}

pub(crate) fn parse(found: &Value) -> Result<Addresses> {
    let address = |name: &str| -> Result<Address> {
        let text = found[name].as_str().with_context(|| format!("the deployment has no {name}"))?;
        Ok(text.parse()?)
    };
    Ok(Addresses {
        core_system: address("core_system")?,
        plan_manager: address("plan_manager")?,
        subscription_manager: address("subscription_manager")?,
        payment_gateway: address("payment_gateway")?,
        token: address("token")?,
        fee_receiver: Role::FeeReceiver.address(),
    })
}

/// Everything the deployed code, and the way it is deployed, depend on.
fn sources_hash() -> Result<String> {
    let mut files = ["foundry.toml", "package-lock.json", "script/permit2"].map(|file| root().join(file)).to_vec();
    for folder in ["contracts/src", "script", "tests/contracts"] {
        collect_sources(&root().join(folder), &mut files)?;
    }
    files.sort();
    let mut hash = Keccak256::new();
    for file in files {
        hash.update(file.to_string_lossy().as_bytes());
        hash.update(fs::read(&file).with_context(|| file.display().to_string())?);
    }
    Ok(alloy::hex::encode(&hash.finalize()[..8]))
}

fn collect_sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "sol") {
            files.push(path);
        }
    }
    Ok(())
}
