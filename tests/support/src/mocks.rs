//! Contracts that only tests use: wallets, price feeds, further tokens.

use std::fs::{self, File};
use std::process::Command;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result};
use serde_json::Value;

use crate::accounts::Role;
use crate::chain::Chain;
use crate::project::{output, root};

impl Chain {
    /// Deploys `contract` of `tests/contracts/mocks/FILE.sol`; `arguments` are its constructor's, encoded.
    pub async fn deploy_mock(&self, file: &str, contract: &str, arguments: &[u8]) -> Result<Address> {
        let mut code = compiled_code(file, contract, "bytecode").await?.to_vec();
        code.extend_from_slice(arguments);
        let request = TransactionRequest::default().with_deploy_code(code);
        let receipt = self.provider_as(Role::Deployer).send_transaction(request).await?.get_receipt().await?;
        receipt.contract_address.with_context(|| format!("{contract} was not deployed"))
    }
}

/// The code that a contract of `tests/contracts/mocks/FILE.sol` has once it stands on a chain; for one without immutables.
pub async fn mock_code(file: &str, contract: &str) -> Result<Bytes> {
    compiled_code(file, contract, "deployedBytecode").await
}

async fn compiled_code(file: &str, contract: &str, which: &str) -> Result<Bytes> {
    compile(&format!("tests/contracts/mocks/{file}.sol")).await?;
    let artifact = root().join(format!("out/{file}.sol/{contract}.json"));
    let compiled = fs::read_to_string(&artifact).with_context(|| artifact.display().to_string())?;
    let compiled: Value = serde_json::from_str(&compiled)?;
    let code = compiled[which]["object"].as_str().context("the artifact has no code")?;
    Ok(code.parse()?)
}

/// Compiles a file or folder of Solidity unless that was done. One process does it at a time, as forge's folders are
/// everybody's; the others find it done.
pub async fn compile(path: &str) -> Result<()> {
    let mut forge = Command::new("bash");
    forge.args(["-c", r#". script/env && exec "$FORGE_BIN" build "$1""#, "forge", path]);
    tokio::task::spawn_blocking(move || {
        fs::create_dir_all(root().join(".dev/chain-state"))?;
        let lock = File::create(root().join(".dev/chain-state/lock"))?;
        lock.lock().context("the lock of forge's folders")?;
        output(&mut forge).map(drop)
    })
    .await?
}
