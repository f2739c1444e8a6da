//! The good node.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::call::quantity;
use crate::http::client;

#[derive(Debug)]
pub(super) struct Upstream {
    client: reqwest::Client,
    url: String,
}

impl Upstream {
    pub(super) fn new(url: String) -> Self {
        Self { client: client(), url }
    }

    /// One exchange.
    pub(super) async fn post(&self, body: &Value) -> Result<Value> {
        Ok(self.client.post(&self.url).json(body).send().await?.json().await?)
    }

    pub(super) async fn head(&self) -> Result<u64> {
        quantity(&self.result("eth_blockNumber", json!([])).await?).context("a number of the head")
    }

    /// The number of the block of that hash, where it is known.
    pub(super) async fn number_of(&self, hash: &Value) -> Result<Option<u64>> {
        let block = self.result("eth_getBlockByHash", json!([hash, false])).await?;
        Ok(quantity(&block["number"]))
    }

    async fn result(&self, method: &str, params: Value) -> Result<Value> {
        let asked = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        Ok(self.post(&asked).await?["result"].take())
    }
}
