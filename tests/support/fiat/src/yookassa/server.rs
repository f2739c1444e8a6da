//! HTTP.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde_json::{Value, json};

use super::{
    fault::{Effect, Fault, Operation},
    options::OtherBody,
    refusal::Refusal,
    shared::Shared,
    shop::{Kept, Shop, Wish},
};

/// How long a key is known.
const KEPT: time::Duration = time::Duration::hours(24);

/// Until the beginning of an answer is on its way.
const FLUSHED: Duration = Duration::from_millis(10);

/// A request to the API and what was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `None` for what the API does not have.
    pub operation: Option<Operation>,
    /// In capitals.
    pub method: String,
    /// Below the API's address.
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// The idempotence key.
    pub key: Option<String>,
    /// `None` without one.
    pub body: Option<Value>,
    /// Of the answer.
    pub status: u16,
    /// The answer; `Null` where the connection ended, or no JSON was sent.
    pub answer: Value,
}

/// Goes on when the client has gone away, as a real server would.
pub(super) async fn api(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answered = tokio::spawn(async move { shared.exchange(&method, &uri, &headers, &body).await });
    answered.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

pub(super) fn query(uri: &Uri) -> Vec<(String, String)> {
    axum::extract::Query::try_from_uri(uri).map(|query| query.0).unwrap_or_default()
}

impl Shared {
    async fn exchange(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        let path = uri.path().strip_prefix("/v3").unwrap_or_default().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let found = Operation::of(method.as_str(), &segments);
        let mut exchange = Exchange {
            operation: found.map(|(operation, _)| operation),
            method: method.to_string(),
            query: query(uri),
            key: headers.get("idempotence-key").and_then(|key| key.to_str().ok()).map(str::to_owned),
            body: (!body.is_empty()).then(|| serde_json::from_slice(body).unwrap_or(Value::Null)),
            status: 0,
            answer: Value::Null,
            path: path.clone(),
        };
        if headers.get(header::AUTHORIZATION) != Some(&self.authorization) {
            return self.refused(exchange, &Refusal::credentials());
        }
        let Some((operation, id)) = found else {
            let known = ["GET", "POST"].iter().any(|method| Operation::of(method, &segments).is_some());
            let refusal = if known { Refusal::method() } else { Refusal::not_found("Resource") };
            return self.refused(exchange, &refusal);
        };
        self.check_request(&exchange, headers);
        let fault = self.faults().next(operation);
        if let Some(Fault::Delay { before, .. }) = fault {
            tokio::time::sleep(before).await;
        }
        let done = fault.as_ref().is_none_or(|fault| fault.effect() == Effect::Done);
        let answered = if done { self.answered(operation, id, &exchange) } else { Ok(Value::Null) };
        if let Some(Fault::Delay { after, .. }) = fault {
            tokio::time::sleep(after).await;
        }
        let (status, answer) = match answered {
            Ok(answer) => (StatusCode::OK, answer),
            Err(refusal) => (refusal.status, refusal.json()),
        };
        (exchange.status, exchange.answer) = (status.as_u16(), answer);
        self.spoiled(exchange, fault.as_ref())
    }

    /// The answer, or what comes of it on the way.
    fn spoiled(&self, mut exchange: Exchange, fault: Option<&Fault>) -> Response {
        let mut change =
            |refusal: &Refusal| (exchange.status, exchange.answer) = (refusal.status.as_u16(), refusal.json());
        match fault {
            Some(Fault::InternalError(_)) => change(&Refusal::internal()),
            Some(Fault::TooManyRequests { retry_after }) => {
                change(&Refusal::too_many());
                if let Some(wait) = retry_after {
                    exchange.answer["retry_after"] = json!(millis(*wait));
                }
            }
            Some(Fault::Processing { retry_after, .. }) => {
                exchange.status = StatusCode::ACCEPTED.as_u16();
                exchange.answer = json!({
                    "type": "processing",
                    "description": "Request accepted, but not processed yet. Retry it with the same key",
                    "retry_after": millis(*retry_after),
                });
            }
            Some(Fault::Garbage(_)) => {
                self.record(Exchange { status: 200, answer: Value::Null, ..exchange });
                let page = "<html><head><title>One moment</title></head><body>One more step</body></html>";
                return ([(header::CONTENT_TYPE, "text/html")], page).into_response();
            }
            Some(Fault::Cut(_)) => {
                let whole = if exchange.answer.is_null() { "{}".repeat(20) } else { exchange.answer.to_string() };
                self.record(Exchange { status: 0, answer: Value::Null, ..exchange });
                return cut(&whole);
            }
            Some(Fault::Decline(_) | Fault::Delay { .. }) | None => {}
        }
        self.sent(exchange)
    }

    fn refused(&self, exchange: Exchange, refusal: &Refusal) -> Response {
        self.sent(Exchange { status: refusal.status.as_u16(), answer: refusal.json(), ..exchange })
    }

    fn sent(&self, exchange: Exchange) -> Response {
        let status = StatusCode::from_u16(exchange.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let response = (status, axum::Json(&exchange.answer)).into_response();
        self.check_answer(&exchange);
        self.record(exchange);
        response
    }

    /// Does it, once for each key.
    fn answered(&self, operation: Operation, id: &str, exchange: &Exchange) -> Result<Value, Refusal> {
        let nothing = json!({});
        let body = exchange.body.as_ref().unwrap_or(&nothing);
        if operation.is_write() && !body.is_object() {
            return Err(Refusal::not_json());
        }
        let wish = Wish { operation, id, query: &exchange.query, body };
        self.with_shop(|shop| if operation.is_write() { shop.once(&wish, exchange) } else { shop.answer(&wish) })
    }
}

impl Shop {
    fn once(&mut self, wish: &Wish<'_>, exchange: &Exchange) -> Result<Value, Refusal> {
        let key = exchange.key.as_deref().filter(|key| is_key(key));
        let key =
            key.ok_or_else(|| Refusal::invalid("Idempotence-Key", "Missing, too long, or of other characters"))?;
        let request = json!([exchange.path, meant(wish.body)]);
        let now = self.now();
        if let Some(kept) = self.keys.get(key).filter(|kept| now - kept.at < KEPT) {
            return if kept.request == request || self.options.other_body == OtherBody::FirstAnswer {
                Ok(kept.answer.clone())
            } else {
                Err(Refusal::invalid("Idempotence-Key", "The key was used for another request"))
            };
        }
        let answer = self.answer(wish)?;
        self.keys.insert(key.to_owned(), Kept { request, answer: answer.clone(), at: now });
        Ok(answer)
    }
}

fn is_key(key: &str) -> bool {
    (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-_.".contains(&byte))
}

/// Without what says nothing: the vendor's clients send empty lists for what is not asked.
fn meant(body: &Value) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => true,
    };
    match body {
        Value::Array(list) => list.iter().map(meant).collect(),
        Value::Object(object) => {
            let meant = object.iter().map(|(name, value)| (name.clone(), meant(value)));
            Value::Object(meant.filter(|(_, value)| says(value)).collect())
        }
        other => other.clone(),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Its first half, and then no more.
fn cut(whole: &str) -> Response {
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    let parts = [Ok(Bytes::from(half)), Err(std::io::Error::other("the connection is reset"))];
    // Without a pause the connection would end before its first byte.
    let parts = futures::stream::iter(parts).then(async |part| {
        tokio::time::sleep(if part.is_err() { FLUSHED } else { Duration::ZERO }).await;
        part
    });
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_LENGTH, whole.len().to_string())];
    (headers, Body::from_stream(parts)).into_response()
}
