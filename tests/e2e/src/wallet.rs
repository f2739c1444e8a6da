//! A wallet as a person has it: it signs typed data and sends the transactions it is handed.

use alloy::{
    dyn_abi::TypedData,
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, Bytes, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::{SignerSync, local::PrivateKeySigner},
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_support::{Chain, Role};

/// One account on one chain.
#[derive(Debug)]
pub struct Wallet {
    signer: PrivateKeySigner,
    provider: DynProvider,
    chain_id: u64,
}

impl Wallet {
    /// The wallet of `role` on `chain`.
    pub fn new(chain: &Chain, role: Role) -> Result<Self> {
        let signer = role.signer();
        let wallet = EthereumWallet::from(signer.clone());
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(chain.url().parse()?).erased();
        Ok(Self { signer, provider, chain_id: chain.chain_id() })
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Signs EIP-712 typed data as `eth_signTypedData_v4` does.
    pub fn sign_typed_data(&self, typed_data: &Value) -> Result<String> {
        let typed: TypedData = serde_json::from_value(typed_data.clone()).context("typed data")?;
        let hash = typed.eip712_signing_hash().context("typed data")?;
        Ok(self.signer.sign_hash_sync(&hash)?.to_string())
    }

    /// Sends a prepared transaction, `{to, data, value, gas, chain_id}`, as it is, and waits until it is mined.
    pub async fn send(&self, payload: &Value) -> Result<TransactionReceipt> {
        ensure!(payload["chain_id"].as_u64() == Some(self.chain_id), "a payload for another chain: {payload}");
        let text = |field: &str| payload[field].as_str().with_context(|| format!("no {field} in {payload}"));
        let request = TransactionRequest::default()
            .with_to(text("to")?.parse()?)
            .with_input(text("data")?.parse::<Bytes>()?)
            .with_value(text("value")?.parse::<U256>()?)
            .with_gas_limit(payload["gas"].as_u64().context("gas")?);
        let receipt = self.provider.send_transaction(request).await?.get_receipt().await?;
        ensure!(receipt.status(), "reverted: {payload}");
        Ok(receipt)
    }

    /// A provider that signs as this wallet.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }
}
