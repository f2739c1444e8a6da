//! Notifications of providers: kept and answered; what they say is looked into afterwards, by who is woken here.

use std::{net::IpAddr, time::Instant};

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
};
use billing_core::payments::{self, BODY_MAX, PaymentError, Received};
use billing_fiat::{WebhookError, WebhookRequest};
use time::OffsetDateTime;

use crate::{extract::PathOf, limits::Caller, metrics, problem::Problem, request::ClientAddress, state::AppState};

/// Takes a notification of a provider
///
/// From the provider's addresses or with its signature only. It is kept before it is answered, and believed only after the provider was
/// asked; the same one again is answered the same. No token: none of a provider's requests carries one.
#[utoipa::path(post, path = "/webhooks/{provider}", tag = "payments",
    params(("provider" = String, Path, description = "`yookassa` or `stripe`")),
    request_body(content = Object, description = "As the provider sends it, byte for byte; 256 KiB at most"),
    responses(
        (status = OK, description = "Kept"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn receive_webhook(
    State(state): State<AppState>,
    PathOf(name): PathOf<String>,
    ClientAddress(client): ClientAddress,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let provider = state.providers.get(&name).map_err(|_| Problem::no_route())?;
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let (outcome, problem) = unread(&rejection);
            return Err(refused(&state, provider.name(), client, outcome, problem).await);
        }
    };
    let request = WebhookRequest { body: &body, headers: &headers, client, now: OffsetDateTime::now_utc() };
    match payments::receive(&state.pool, provider.as_ref(), &request).await {
        Ok(received) => {
            let outcome = if received == Received::New { "new" } else { "known" };
            metrics::webhook(provider.name(), outcome);
            state.payments_due.send_replace(());
            Ok(StatusCode::OK)
        }
        Err(PaymentError::Webhook(error)) => {
            let (outcome, problem) = unbelieved(&error);
            Err(refused(&state, provider.name(), client, outcome, problem).await)
        }
        Err(error) => {
            metrics::webhook(provider.name(), "not-kept");
            Err(error.into())
        }
    }
}

/// Only what is refused draws on its client's bucket. A provider sends as many notifications in a second as there were payments, and all
/// from a few addresses: to refuse one of those would delay a payment. To believe one costs no more than to refuse it, a list of
/// addresses or one HMAC over a body of limited length. Behind a proxy that is not counted in `BILLING_API_PROXIES`, strangers share an
/// address with the provider: even they cannot use up what it needs.
async fn refused(state: &AppState, provider: &str, client: IpAddr, outcome: &str, problem: Problem) -> Problem {
    metrics::webhook(provider, outcome);
    // Past the limit there is no line either: the log is not a stranger's to fill.
    if let Err(too_many) = state.limits.take(Caller::client(client), Instant::now()).await {
        return too_many;
    }
    let why = problem.detail.as_deref();
    tracing::warn!(target: "audit", provider, %client, outcome, why, "a notification is refused");
    problem
}

fn unread(rejection: &BytesRejection) -> (&'static str, Problem) {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ("body-too-large", Problem::body_too_large(BODY_MAX));
    }
    ("malformed-notification", Problem::malformed("the body broke off"))
}

/// The outcome that is counted is the last part of the problem's type.
fn unbelieved(error: &WebhookError) -> (&'static str, Problem) {
    let (status, name, title) = match error {
        WebhookError::ForeignAddress(_) => {
            (StatusCode::FORBIDDEN, "foreign-address", "The request is not from an address of the provider")
        }
        WebhookError::Signature => {
            (StatusCode::BAD_REQUEST, "bad-signature", "The request is not signed by the provider")
        }
        WebhookError::Stale { .. } => {
            (StatusCode::BAD_REQUEST, "stale-signature", "The request was signed at another time")
        }
        WebhookError::Malformed(_) => {
            (StatusCode::BAD_REQUEST, "malformed-notification", "The body is no notification of the provider")
        }
    };
    (name, Problem::new(status, name, title).detail(error))
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        unbelieved(&error).1
    }
}
