//! A bad provider in front of a good node.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Result;
use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a provider does to `eth_getLogs`.
#[derive(Clone, Copy, Debug)]
pub enum Vice {
    /// Refuses more blocks than this at once.
    Cap(u64),
    /// Leaves the last log out of every n-th answer that has any, and says nothing.
    Forget(u64),
    /// Ends every n-th request, of any method, with HTTP 502.
    Fail(u64),
}

struct Provider {
    node: String,
    vice: Vice,
    client: reqwest::Client,
    requests: AtomicU64,
    spoiled: AtomicU64,
}

/// A running proxy; it ends with the test's runtime.
#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    provider: Arc<Provider>,
}

impl Proxy {
    pub async fn start(node: String, vice: Vice) -> Result<Self> {
        let client = reqwest::Client::new();
        let (requests, spoiled) = (AtomicU64::new(0), AtomicU64::new(0));
        let provider = Arc::new(Provider { node, vice, client, requests, spoiled });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(answer)).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, provider })
    }

    /// Answers that were not the node's.
    pub fn spoiled(&self) -> u64 {
        self.provider.spoiled.load(Ordering::Relaxed)
    }
}

impl Provider {
    fn turn(&self, every: u64) -> bool {
        let spoil = (self.requests.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every);
        if spoil {
            self.spoiled.fetch_add(1, Ordering::Relaxed);
        }
        spoil
    }
}

async fn answer(
    State(provider): State<Arc<Provider>>,
    Json(request): Json<Value>,
) -> Result<Json<Value>, axum::http::StatusCode> {
    let bad_gateway = axum::http::StatusCode::BAD_GATEWAY;
    let logs = request["method"] == "eth_getLogs";
    match provider.vice {
        Vice::Fail(every) if provider.turn(every) => return Err(bad_gateway),
        Vice::Cap(cap) if logs && span(&request["params"][0]).is_some_and(|span| span > cap) => {
            provider.spoiled.fetch_add(1, Ordering::Relaxed);
            let error = json!({ "code": -32005, "message": "query returned more than 10000 results" });
            return Ok(Json(json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })));
        }
        _ => {}
    }
    let sent = provider.client.post(&provider.node).json(&request).send().await;
    let mut answer: Value = sent.map_err(|_| bad_gateway)?.json().await.map_err(|_| bad_gateway)?;
    if let (Vice::Forget(every), true, Some(logs)) = (provider.vice, logs, answer["result"].as_array_mut())
        && !logs.is_empty()
        && provider.turn(every)
    {
        logs.pop();
    }
    Ok(Json(answer))
}

fn span(filter: &Value) -> Option<u64> {
    let number = |field: &str| u64::from_str_radix(filter[field].as_str()?.trim_start_matches("0x"), 16).ok();
    Some(number("toBlock")?.saturating_sub(number("fromBlock")?) + 1)
}
