//! HTTP.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Fault, Request, form::Form, refusal::Refusal, shared::Shared};

/// Until the beginning of an answer is on its way.
const FLUSHED: Duration = Duration::from_millis(10);
const FLOOD: usize = 2 << 20;

pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Infallible> {
    if let Some(session) = uri.path().strip_prefix("/pay/") {
        return Ok(page(&shared, session, &body));
    }
    let text = if method == Method::POST {
        str::from_utf8(&body).unwrap_or_default()
    } else {
        uri.query().unwrap_or_default()
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = Request {
        method: method.to_string(),
        path: uri.path().to_owned(),
        parameters: text.to_owned(),
        idempotency_key: header("idempotency-key"),
        version: header("stripe-version"),
    };
    shared.note(&request);
    let given = header("authorization");
    if given.as_deref() != Some(&format!("Bearer {}", shared.secret_key)) {
        return Ok(refused(&Refusal::key(given.is_some())));
    }
    // What has begun is finished, whoever hangs up.
    let done = tokio::spawn(asked(Arc::clone(&shared), request)).await;
    Ok(done.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
}

async fn asked(shared: Arc<Shared>, request: Request) -> Response {
    let fault = shared.fault_of(&request);
    match fault {
        Some(Fault::TooMany { retry_after }) => {
            let mut response = refused(&Refusal::too_many());
            response.headers_mut().extend(retry_after.map(|secs| (header::RETRY_AFTER, secs.into())));
            return response;
        }
        Some(Fault::CutBefore) => return cut(StatusCode::OK, "{}"),
        _ => {}
    }
    let form = Form::parse(&request.parameters);
    let key = request.idempotency_key.clone().filter(|_| request.method == "POST");
    if let Some(key) = &key {
        match shared.begin(key, &request.path, &form) {
            Ok(None) => {}
            Ok(Some((status, body))) => return replayed(status, body),
            Err(refusal) => return refused(&refusal),
        }
    }
    if let Some(Fault::DelayBefore(time)) = fault {
        sleep(time).await;
    }
    let (status, body) = done(&shared, &request, &form, key.as_deref(), fault);
    if let Some(Fault::DelayAfter(time)) = fault {
        sleep(time).await;
    }
    key.inspect(|key| shared.keys().end(key));
    match fault {
        Some(Fault::Garbage) => (StatusCode::OK, "<html><body>One moment</body></html>").into_response(),
        Some(Fault::Flood) => sent(status, format!("{}{body}", " ".repeat(FLOOD))),
        Some(Fault::CutAfter) => cut(status, &body),
        _ => sent(status, body),
    }
}

/// Does it, and keeps the answer under its key.
fn done(
    shared: &Arc<Shared>,
    request: &Request,
    form: &Form,
    key: Option<&str>,
    fault: Option<Fault>,
) -> (StatusCode, String) {
    let mut account = shared.account();
    account.key = key.map(str::to_owned);
    let mut result = match fault {
        Some(Fault::BreaksBefore) => Err(Refusal::broken()),
        _ => account.call(&request.method, &request.path, form),
    };
    if fault == Some(Fault::BreaksAfter) {
        result = Err(Refusal::broken());
    }
    account.key = None;
    let now = account.now();
    drop(account);
    shared.send_events();
    let (status, body, is_kept) = match result {
        Ok(value) => (200, value.to_string(), true),
        Err(refusal) => (refusal.status, refusal.body.to_string(), refusal.is_kept),
    };
    if let Some(key) = key.filter(|_| is_kept) {
        shared.keys().keep(key, &request.path, form, (status, body.clone()), now);
    }
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body)
}

/// The payment page, for programs: `{"card": "ok"}` pays, any other word is a bank's word for no.
fn page(shared: &Arc<Shared>, session: &str, body: &[u8]) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let declined = match asked["card"].as_str() {
        Some("ok") => None,
        Some("declined") => Some("generic_decline"),
        Some(code) => Some(code),
        None => return (StatusCode::BAD_REQUEST, "{\"card\": \"ok\"} or a decline code").into_response(),
    };
    let paid = shared.account().pay_session(session, declined);
    shared.send_events();
    match paid {
        Ok(session) => sent(StatusCode::OK, json!({ "status": session["status"] }).to_string()),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    sent(status, refusal.body.to_string())
}

fn replayed(status: u16, body: String) -> Response {
    let mut response = sent(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body);
    response.headers_mut().insert("idempotent-replayed", header::HeaderValue::from_static("true"));
    response
}

fn sent(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The connection ends in the middle of the answer.
fn cut(status: StatusCode, body: &str) -> Response {
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let parts = [Ok(half), Err(std::io::Error::other("the connection is reset"))];
    // Without a pause the connection would end before its first byte.
    let parts = futures::stream::iter(parts).then(async |part| {
        sleep(if part.is_err() { FLUSHED } else { Duration::ZERO }).await;
        part
    });
    (status, [(header::CONTENT_LENGTH, body.len())], Body::from_stream(parts)).into_response()
}
