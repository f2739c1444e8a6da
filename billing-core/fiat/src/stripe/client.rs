//! HTTP exchanges with Stripe: one question, one answer or one error.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, header::RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::{
    NAME, VERSION,
    wire::{Envelope, Failure},
};
use crate::ProviderError;

/// Bytes of an answer at most.
const MAX_BODY: usize = 1 << 20;

/// Parameters, in Stripe's way of nesting: `metadata[payment_id]`.
pub(super) type Pairs = Vec<(String, String)>;

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base_url: String,
    secret_key: SecretString,
}

/// A whole answer, good or bad.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// It is the answer to an earlier request with the same key: how things stood then.
    pub(super) replayed: bool,
    body: Vec<u8>,
}

impl Client {
    pub(super) fn new(base_url: &str, secret_key: SecretString, timeout: Duration) -> Result<Self, ProviderError> {
        // Whoever redirects gets neither the key nor the form.
        let built = reqwest::Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none()).build();
        let http = built.map_err(|error| lost(&error))?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), secret_key })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Pairs) -> Result<Option<T>, ProviderError> {
        let request = self.http.get(format!("{}{path}", self.base_url)).query(query);
        let reply = self.exchange(request).await?;
        match reply.failure() {
            Some(failure) if reply.status == StatusCode::NOT_FOUND && failure.code() == "resource_missing" => Ok(None),
            _ => reply.value().map(Some),
        }
    }

    pub(super) async fn post(&self, path: &str, form: &Pairs, key: &str) -> Result<Reply, ProviderError> {
        let request = self.http.post(format!("{}{path}", self.base_url)).header("Idempotency-Key", key).form(form);
        self.exchange(request).await
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Reply, ProviderError> {
        let request = request.bearer_auth(self.secret_key.expose_secret()).header("Stripe-Version", VERSION);
        let mut response = request.send().await.map_err(|error| lost(&error))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER.as_str()).and_then(|value| value.parse().ok()).map(Duration::from_secs);
        let (status, replayed) = (response.status(), header("idempotent-replayed") == Some("true"));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(unknown(format!("an answer of more than {MAX_BODY} bytes"), None));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, retry_after, replayed, body })
    }
}

impl Reply {
    pub(super) fn value<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        if !self.status.is_success() {
            return Err(self.error());
        }
        // Neither the body nor serde's text, which may quote it.
        serde_json::from_slice(&self.body).map_err(|_| unknown("an answer that cannot be read".to_owned(), None))
    }

    /// What was declined by a bank, if that is what happened.
    pub(super) fn declined(&self) -> Option<Failure> {
        self.failure().filter(|failure| self.status == StatusCode::PAYMENT_REQUIRED && failure.kind == "card_error")
    }

    fn failure(&self) -> Option<Failure> {
        if self.status.is_success() {
            return None;
        }
        serde_json::from_slice::<Envelope>(&self.body).ok().map(|envelope| envelope.error)
    }

    fn error(&self) -> ProviderError {
        let failure = match self.failure() {
            Some(failure) if self.status.is_client_error() => failure,
            // A proxy's page, or a server that broke while something was done.
            _ => return unknown(format!("HTTP {}", self.status.as_u16()), self.retry_after),
        };
        let code = failure.code().to_owned();
        match self.status.as_u16() {
            401 | 403 => ProviderError::Credentials { provider: NAME, code },
            408 | 409 | 424 | 425 | 429 => unknown(format!("HTTP {}: {code}", self.status.as_u16()), self.retry_after),
            // Older paths of Stripe say so with status 400.
            _ if matches!(code.as_str(), "rate_limit" | "lock_timeout") => unknown(code, self.retry_after),
            // The key is another request's, which may well have been done.
            _ if failure.kind == "idempotency_error" => {
                unknown("the key was used for another request".to_owned(), None)
            }
            _ => ProviderError::Refused {
                provider: NAME,
                code,
                description: failure.message.unwrap_or_default(),
                parameter: failure.param,
            },
        }
    }
}

pub(super) fn unknown(what: String, retry_after: Option<Duration>) -> ProviderError {
    ProviderError::Unknown { provider: NAME, what, retry_after }
}

/// reqwest's own text says only that it failed; its innermost source says why.
fn lost(error: &reqwest::Error) -> ProviderError {
    if error.is_timeout() {
        return unknown("no answer in time".to_owned(), None);
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    // The outermost text has the url in it, which no error may have.
    let what = if std::ptr::addr_eq(cause, error) { "the exchange failed".to_owned() } else { cause.to_string() };
    unknown(what, None)
}
