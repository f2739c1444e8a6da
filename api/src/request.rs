//! What happens to every request, whatever its route: an id, a deadline, a log line, metrics, and an answer even when
//! a handler panics.

use std::{
    any::Any,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use crate::{
    limits::Caller,
    metrics,
    problem::{self, Problem},
    state::AppState,
};

/// Who asks, as our records name it: a service by its token's name, anybody else by address.
#[derive(Clone, Debug)]
pub(crate) struct Requester(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Requester {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::internal)
    }
}

/// Whom the request comes from, as our outermost proxy says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(client_address(&parts.headers, &parts.extensions, state.proxies)))
    }
}

/// Longest time from a request's head to its answer's.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(15);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_LEN_MAX: usize = 64;

/// The outermost layer.
pub(crate) async fn attend(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = method_label(request.method());
    let path = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let instance = request.uri().path().to_owned();
    let span = tracing::info_span!("request", request_id = %id, method, path);
    let answer = answer(request, next).instrument(span.clone()).await;
    let mut response = problem::with_instance(answer.unwrap_or_else(IntoResponse::into_response), &instance);
    let took = begun.elapsed();
    let status = response.status().as_u16();
    metrics::answered(method, &path, status, took);
    span.in_scope(|| {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(request_id = %id, method, path, status, took_ms, "answered");
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// On a task of its own: a caller who leaves, or whose time is over, breaks nothing off. A handler that is dropped while it begins an SQL
/// transaction would give a session back to the pool with that transaction open, for others to write into what nobody commits.
async fn answer(request: Request, next: Next) -> Result<Response, Problem> {
    let handler = tokio::spawn(next.run(request).in_current_span());
    match tokio::time::timeout(TIME_MAX, handler).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(ended)) => {
            let panic = ended.try_into_panic().ok();
            tracing::error!(panic = panic.as_deref().map(panic_text), "a handler panicked");
            Err(Problem::internal())
        }
        Err(_) => Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "No answer in time")
            .detail(format!("after {} s; what was begun may have been done", TIME_MAX.as_secs()))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?")
}

/// The caller's id where it is one that can stand in a log, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (1..=REQUEST_ID_LEN_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
        .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// Callers may invent methods; they make no new series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Finds out who asks and draws on its bucket; for every route of ours.
pub(crate) async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let address = client_address(request.headers(), request.extensions(), state.proxies);
    let service = state.tokens.caller(request.headers());
    let caller = match &service {
        Ok(Some(service)) => Caller::Service(service.name.clone()),
        // A token that is not known draws on its client's bucket: guessing is slow.
        Ok(None) | Err(_) => Caller::client(address),
    };
    let requester = match &caller {
        Caller::Service(name) => name.clone(),
        Caller::Client(_) => address.to_string(),
    };
    request.extensions_mut().insert(Requester(requester));
    if let Err(problem) = state.limits.take(caller, Instant::now()).await {
        return problem.into_response();
    }
    match service {
        Ok(Some(service)) => {
            request.extensions_mut().insert(service);
        }
        Ok(None) => {}
        Err(problem) => return problem.into_response(),
    }
    next.run(request).await
}

/// The peer; behind `proxies` of ours, the address that the outermost one saw.
fn client_address(headers: &HeaderMap, extensions: &Extensions, proxies: usize) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
    let forwarded = || {
        let headers = headers.get_all("x-forwarded-for").iter();
        let hops: Vec<_> = headers.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).collect();
        hops.get(hops.len().checked_sub(proxies)?)?.trim().parse().ok()
    };
    if proxies == 0 { peer } else { forwarded().unwrap_or(peer) }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use tower::ServiceExt;

    use super::*;

    async fn broken() {
        panic!("a secret of the handler")
    }

    #[tokio::test]
    async fn a_caller_who_leaves_breaks_nothing_off() {
        let (done, mut seen) = tokio::sync::watch::channel(false);
        let slow = async move || {
            tokio::time::sleep(Duration::from_millis(50)).await;
            done.send_replace(true);
        };
        let router = Router::new().route("/", get(slow)).layer(middleware::from_fn(attend));
        let request = Request::builder().uri("/").body(Body::empty()).expect("a request");

        let left = tokio::time::timeout(Duration::from_millis(5), router.oneshot(request)).await;

        assert!(left.is_err(), "it was answered at once");
        let finished = tokio::time::timeout(Duration::from_secs(5), seen.wait_for(|done| *done)).await;
        assert!(finished.is_ok_and(|seen| seen.is_ok()), "the handler was broken off");
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_not_told() {
        let router = Router::new().route("/", get(broken)).layer(middleware::from_fn(attend));
        let request = Request::builder().uri("/").body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key(REQUEST_ID));
        let body = axum::body::to_bytes(response.into_body(), 4_096).await.expect("a body");
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("urn:abono:problem:internal") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn the_client_is_who_our_outermost_proxy_saw() {
        let request = Request::builder().header("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.0.0.2");
        let request = request.body(Body::empty()).expect("a request");
        let address = |proxies| client_address(request.headers(), request.extensions(), proxies).to_string();
        assert_eq!(address(0), "0.0.0.0", "nobody in front is believed");
        assert_eq!(address(1), "10.0.0.2");
        assert_eq!(address(2), "192.0.2.1");
        assert_eq!(address(9), "0.0.0.0");
    }
}
