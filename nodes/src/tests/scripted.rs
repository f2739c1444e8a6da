//! Nodes that answer by a script, without sockets: with the clock standing still a request would time out before its bytes
//! arrived.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::State,
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::wire::{Broken, Reply, Wire};

/// What a node does with a question.
#[derive(Clone)]
pub(crate) enum Say {
    Result(Value),
    Error(i64, &'static str),
    Status(u16),
    /// With a `Retry-After` of so many seconds.
    Limited(u64),
    Body(&'static str),
    After(Duration, Box<Self>),
    Hang,
}

/// Says its script's lines to what is asked beside chain id, genesis and head; the last line for ever.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) chain_id: u64,
    pub(crate) genesis: u8,
    pub(crate) head: u64,
    script: Arc<Mutex<Vec<Say>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(crate) fn new(script: impl IntoIterator<Item = Say>) -> Self {
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        Self { chain_id: 1, genesis: 7, head: 100, script, asked: Arc::default() }
    }

    /// Methods asked beside chain id, genesis and head.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }

    fn next(&self, method: &str) -> Say {
        self.asked.lock().expect("no panic").push(method.to_owned());
        let mut script = self.script.lock().expect("no panic");
        if script.len() > 1 { script.remove(0) } else { script[0].clone() }
    }
}

async fn answer(State(node): State<Scripted>, Json(request): Json<Value>) -> Response {
    let first = if request.is_array() { &request[0] } else { &request };
    let mut say = match (first["method"].as_str(), &first["params"][0]) {
        (Some("eth_chainId"), _) => Say::Result(json!(format!("{:#x}", node.chain_id))),
        (Some("eth_getBlockByNumber"), block) if block == "0x0" => {
            Say::Result(json!({ "number": "0x0", "hash": format!("0x{}", format!("{:02x}", node.genesis).repeat(32)) }))
        }
        (Some("eth_blockNumber"), _) => Say::Result(json!(format!("{:#x}", node.head))),
        (method, _) => node.next(method.expect("a method")),
    };
    while let Say::After(time, then) = say {
        tokio::time::sleep(time).await;
        say = *then;
    }
    let each = |answer: &dyn Fn(&Value) -> Value| match request.as_array() {
        Some(list) => Json(Value::Array(list.iter().map(answer).collect())).into_response(),
        None => Json(answer(&request)).into_response(),
    };
    match say {
        Say::Result(value) => each(&|asked| json!({ "jsonrpc": "2.0", "id": asked["id"], "result": value })),
        Say::Error(code, message) => {
            each(&|asked| json!({ "jsonrpc": "2.0", "id": asked["id"], "error": { "code": code, "message": message } }))
        }
        Say::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Say::Limited(secs) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", secs.to_string())]).into_response(),
        Say::Body(text) => text.into_response(),
        Say::Hang | Say::After(..) => std::future::pending().await,
    }
}

impl Wire for Scripted {
    fn post(&self, body: Vec<u8>) -> BoxFuture<'static, Result<Reply, Broken>> {
        let router = Router::new().route("/", post(answer)).with_state(self.clone());
        Box::pin(async move {
            let request = Request::post("/").header("content-type", "application/json").body(Body::from(body));
            let exchange = async {
                let response = router.oneshot(request.expect("a request")).await.expect("infallible");
                let status = response.status().as_u16();
                let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body").to_vec();
                Reply { status, retry_after: header.map(Duration::from_secs), body }
            };
            let limit = Duration::from_secs(20);
            tokio::time::timeout(limit, exchange).await.map_err(|_| Broken::Timeout(limit))
        })
    }
}
