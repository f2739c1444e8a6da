//! Counts what is asked of a node.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use serde_json::Value;
use tokio::net::TcpListener;

/// Requests so far. A batch is one request with several calls.
#[derive(Debug, Default)]
pub struct Counts {
    pub requests: AtomicU64,
    pub calls: AtomicU64,
    pub log_queries: AtomicU64,
}

impl Counts {
    fn note(&self, body: &Value) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let calls = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
        self.calls.fetch_add(u64::try_from(calls.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let of_logs = calls.iter().filter(|call| call["method"] == "eth_getLogs").count();
        self.log_queries.fetch_add(u64::try_from(of_logs).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Stands before a node; ends with the runtime.
#[derive(Debug)]
pub struct Proxy {
    pub url: String,
    pub counts: Arc<Counts>,
}

#[derive(Clone)]
struct Behind {
    node: String,
    client: reqwest::Client,
    counts: Arc<Counts>,
}

impl Proxy {
    pub async fn start(node: String) -> Result<Self> {
        let counts = Arc::new(Counts::default());
        let behind = Behind { node, client: reqwest::Client::new(), counts: counts.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(pass_on)).layer(DefaultBodyLimit::disable()).with_state(behind);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, counts })
    }
}

async fn pass_on(State(behind): State<Behind>, body: Bytes) -> Result<Bytes, StatusCode> {
    let asked: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    behind.counts.note(&asked);
    let sent = behind.client.post(&behind.node).header("content-type", "application/json").body(body).send().await;
    sent.map_err(|_| StatusCode::BAD_GATEWAY)?.bytes().await.map_err(|_| StatusCode::BAD_GATEWAY)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_is_one_request_and_each_of_its_members_a_call() {
        let counts = Counts::default();
        counts.note(&json!([{ "method": "eth_getLogs" }, { "method": "eth_getBlockByNumber" }]));
        counts.note(&json!({ "method": "eth_getLogs" }));
        let all = [&counts.requests, &counts.calls, &counts.log_queries].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(all, [2, 3, 2]);
    }
}
