//! One HTTP exchange with one node.

use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Of the header, where it is in seconds.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// Nothing whole came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("an answer of more than {0} bytes")]
    TooLong(usize),
    /// Without the url.
    #[error("{0}")]
    Connection(String),
}

/// The way to a node; the tests have one without sockets, so that the clock can stand still.
pub(crate) trait Wire: Send + Sync + 'static {
    fn post(&self, body: Vec<u8>) -> BoxFuture<'static, Result<Reply, Broken>>;
}

/// Over HTTP or HTTPS.
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) url: reqwest::Url,
    pub(crate) timeout: Duration,
    /// Bytes of an answer at most.
    pub(crate) max_body: usize,
}

impl Wire for Http {
    fn post(&self, body: Vec<u8>) -> BoxFuture<'static, Result<Reply, Broken>> {
        let (timeout, max_body) = (self.timeout, self.max_body);
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        let exchange = async move {
            let mut response = request.send().await.map_err(broken)?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(broken)? {
                if body.len() + chunk.len() > max_body {
                    return Err(Broken::TooLong(max_body));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Reply { status, retry_after: retry_after.map(Duration::from_secs), body })
        };
        Box::pin(async move { tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(Broken::Timeout(timeout))) })
    }
}

/// reqwest's own text says only that it failed, and may hold the url; its innermost source says why.
fn broken(error: reqwest::Error) -> Broken {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    Broken::Connection(text)
}
