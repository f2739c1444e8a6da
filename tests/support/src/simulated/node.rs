//! A node of a simulated chain, reached by HTTP.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::{
    answer::{Mood, answer},
    chain::SimulatedChain,
    fault::NodeFault,
};

/// A JSON-RPC server for a [`SimulatedChain`], ended on drop.
#[derive(Debug)]
pub struct SimulatedNode {
    url: String,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    chain: SimulatedChain,
    fault: Mutex<Option<NodeFault>>,
    log_times: AtomicBool,
    requests: AtomicU64,
    spoiled: AtomicU64,
}

impl SimulatedNode {
    /// A healthy node on a free port.
    pub async fn start(chain: &SimulatedChain) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            chain: chain.clone(),
            fault: Mutex::default(),
            log_times: AtomicBool::new(true),
            requests: AtomicU64::new(0),
            spoiled: AtomicU64::new(0),
        });
        let routes = Router::new().route("/", post(serve)).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // It ends when its runtime does.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, shared, _server: AbortOnDropHandle::new(server) })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// What is wrong with it from now on; `None`: nothing.
    pub fn set_fault(&self, fault: Option<NodeFault>) {
        *self.shared.fault.lock().expect("nobody panics with it") = fault;
    }

    /// Whether logs tell the time of their block, as those of many nodes do.
    pub fn set_log_times(&self, told: bool) {
        self.shared.log_times.store(told, Ordering::Relaxed);
    }

    /// Requests so far, a batch counted once.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Requests so far of which the answer may have been spoiled.
    #[must_use]
    pub fn spoiled(&self) -> u64 {
        self.shared.spoiled.load(Ordering::Relaxed)
    }
}

async fn serve(State(node): State<Arc<Shared>>, body: Bytes) -> Response {
    let number = node.requests.fetch_add(1, Ordering::Relaxed);
    let fault = node.fault.lock().expect("nobody panics with it").filter(|fault| fault.spoils(number));
    if fault.is_some() {
        node.spoiled.fetch_add(1, Ordering::Relaxed);
    }
    if matches!(fault, Some(NodeFault::BadGateway { .. })) {
        return (StatusCode::BAD_GATEWAY, "<html>bad gateway</html>").into_response();
    }
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let mood = Mood { fault, log_times: node.log_times.load(Ordering::Relaxed) };
    let answered = match asked {
        Value::Array(questions) => {
            let mut answers = Vec::with_capacity(questions.len());
            for question in &questions {
                answers.push(answer(&node.chain, question, mood));
                // The chain may move between two answers of a batch.
                tokio::task::yield_now().await;
            }
            Value::Array(answers)
        }
        question => answer(&node.chain, &question, mood),
    };
    let mut text = answered.to_string();
    match fault {
        Some(NodeFault::Cut { .. }) => text.truncate(text.len() / 2),
        Some(NodeFault::Slow { by, .. }) => tokio::time::sleep(by).await,
        _ => {}
    }
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
