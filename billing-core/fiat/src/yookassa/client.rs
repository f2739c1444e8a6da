//! One exchange with the API: what was said, or why nothing is known.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder, StatusCode, Url,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{NAME, YooKassaConfig};
use crate::ProviderError;

/// Bytes of an answer at most; a list of a hundred payments is a tenth of it.
const MAX_BODY: usize = 1024 * 1024;

/// Characters of the provider's words that are told.
const TOLD: usize = 300;

#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base_url: Url,
    shop_id: String,
    secret_key: SecretString,
    timeout: Duration,
}

/// What came back whole.
struct Reply {
    status: StatusCode,
    /// Of the header, where it is in seconds.
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Client {
    pub(super) fn new(config: YooKassaConfig) -> Result<Self, reqwest::Error> {
        // A redirect would carry the key elsewhere.
        let http = reqwest::Client::builder().redirect(Policy::none()).build()?;
        let YooKassaConfig { base_url, shop_id, secret_key, timeout, .. } = config;
        Ok(Self { http, base_url, shop_id, secret_key, timeout })
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        key: &str,
        body: &impl Serialize,
    ) -> Result<T, ProviderError> {
        self.exchange(self.keyed(path, key)?.json(body)).await?.read()
    }

    pub(super) async fn post_without_body<T: DeserializeOwned>(
        &self,
        path: &[&str],
        key: &str,
    ) -> Result<T, ProviderError> {
        self.exchange(self.keyed(path, key)?).await?.read()
    }

    /// `None` for what the provider says does not exist.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Option<T>, ProviderError> {
        let reply = self.exchange(self.request(Method::GET, path, query)?).await?;
        if reply.status == StatusCode::NOT_FOUND && reply.error().is_some() {
            return Ok(None);
        }
        reply.read().map(Some)
    }

    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ProviderError> {
        self.exchange(self.request(Method::GET, &[path], query)?).await?.read()
    }

    fn keyed(&self, path: &[&str], key: &str) -> Result<RequestBuilder, ProviderError> {
        Ok(self.request(Method::POST, path, &[])?.header("Idempotence-Key", key))
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<RequestBuilder, ProviderError> {
        let mut url = self.base_url.clone();
        let Ok(mut segments) = url.path_segments_mut() else {
            return Err(refused("base_url", "the configured address takes no path".to_owned()));
        };
        segments.pop_if_empty().extend(path);
        drop(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.http.request(method, url).basic_auth(&self.shop_id, Some(self.secret_key.expose_secret())))
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Reply, ProviderError> {
        let exchange = async {
            let mut response = request.send().await.map_err(broken)?;
            let (status, retry_after) = (response.status(), retry_after(response.headers()));
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(broken)? {
                if body.len() + chunk.len() > MAX_BODY {
                    return Err(unknown(format!("an answer of more than {MAX_BODY} bytes")));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Reply { status, retry_after, body })
        };
        let timeout = self.timeout;
        tokio::time::timeout(timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(unknown(format!("no answer within {timeout:?}"))))
    }
}

/// The API's own words for what went wrong.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "type")]
    kind: ErrorKind,
    #[serde(default)]
    code: String,
    #[serde(default)]
    description: String,
    parameter: Option<String>,
    /// Milliseconds.
    retry_after: Option<u64>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum ErrorKind {
    Error,
    Processing,
}

impl Reply {
    /// Only what says that it is an error of the API is one: a proxy on the way has statuses too.
    fn error(&self) -> Option<ErrorBody> {
        serde_json::from_slice::<ErrorBody>(&self.body).ok().filter(|error| error.kind == ErrorKind::Error)
    }

    fn read<T: DeserializeOwned>(self) -> Result<T, ProviderError> {
        match self.status {
            StatusCode::OK => serde_json::from_slice(&self.body).map_err(|error| {
                // Its text may hold what was read.
                unknown(format!("an answer that cannot be read, in line {} column {}", error.line(), error.column()))
            }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match self.error() {
                Some(error) => Err(ProviderError::Credentials { provider: NAME, code: told(&error.code) }),
                None => Err(self.unknown()),
            },
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::GONE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => match self.error() {
                Some(error) => Err(ProviderError::Refused {
                    provider: NAME,
                    code: told(&error.code),
                    description: told(&error.description),
                    parameter: error.parameter.as_deref().map(told),
                }),
                None => Err(self.unknown()),
            },
            _ => Err(self.unknown()),
        }
    }

    fn unknown(&self) -> ProviderError {
        let error = serde_json::from_slice::<ErrorBody>(&self.body).ok();
        let asked = error.as_ref().and_then(|error| error.retry_after).map(Duration::from_millis);
        let code = error.map(|error| format!(" {}", told(&error.code))).unwrap_or_default();
        let what = match self.status {
            StatusCode::ACCEPTED => "still being done".to_owned(),
            status => format!("status {}{code}", status.as_u16()),
        };
        ProviderError::Unknown { provider: NAME, what, retry_after: asked.or(self.retry_after) }
    }
}

pub(super) fn unknown(what: String) -> ProviderError {
    ProviderError::Unknown { provider: NAME, what, retry_after: None }
}

pub(super) fn refused(code: &str, description: String) -> ProviderError {
    ProviderError::Refused { provider: NAME, code: code.to_owned(), description, parameter: None }
}

fn told(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(TOLD).collect()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// reqwest's own text says only that it failed, and may hold the url; its innermost source says why.
fn broken(error: reqwest::Error) -> ProviderError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    unknown(cause.to_string())
}
