//! A node's JSON-RPC as bytes, and many calls in one request.

use alloy::primitives::Bytes;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Calls of one request; more make answers that take long to come.
const BATCH: usize = 500;

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    client: reqwest::Client,
    url: String,
}

impl Node {
    pub fn new(url: String) -> Self {
        Self { client: reqwest::Client::new(), url }
    }

    /// The answer's body, unread.
    pub async fn bytes(&self, method: &str, params: Value) -> Result<Bytes> {
        self.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).await
    }

    pub async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        result(method, serde_json::from_slice(&self.bytes(method, params).await?)?)
    }

    /// The same method with each of these parameters; answers in their order.
    pub async fn ask_all(&self, method: &str, params: Vec<Value>) -> Result<Vec<Value>> {
        let mut results = Vec::with_capacity(params.len());
        for some in params.chunks(BATCH) {
            let call = |(id, params)| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
            let calls: Vec<Value> = some.iter().enumerate().map(call).collect();
            let mut answers: Vec<Value> = serde_json::from_slice(&self.post(&calls.into()).await?)?;
            answers.sort_by_key(|answer| answer["id"].as_u64());
            for answer in answers {
                results.push(result(method, answer)?);
            }
        }
        Ok(results)
    }

    async fn post(&self, body: &Value) -> Result<Bytes> {
        let response = self.client.post(&self.url).json(body).send().await?.error_for_status()?;
        Ok(response.bytes().await?.into())
    }
}

/// A number as nodes write it.
pub fn number(value: &Value) -> Result<u64> {
    let text = value.as_str().and_then(|text| text.strip_prefix("0x")).context("not a number")?;
    Ok(u64::from_str_radix(text, 16)?)
}

fn result(method: &str, mut answer: Value) -> Result<Value> {
    if let Some(error) = answer.get("error") {
        bail!("{method}: {error}");
    }
    Ok(answer["result"].take())
}
