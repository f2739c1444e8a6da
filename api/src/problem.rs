//! Every answer that is not a success: `application/problem+json` (RFC 9457).

use axum::{
    Json,
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use billing_core::chain::ChainError;
use serde::Serialize;
use utoipa::ToSchema;

/// One field of a request that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field: `merchant`, `permit.value`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// RFC 9457 problem details.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Stays the same for one kind of problem: `urn:abono:problem:plan-not-found`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Box<str>,
    /// The kind in words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What is wrong this time and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub detail: Option<Box<str>>,
    /// Path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<Box<str>>,
    /// Fields that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of its own kind; `name` is the last part of its `type`.
    #[must_use]
    pub fn new(status: StatusCode, name: &str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:abono:problem:{name}").into(),
            title,
            status: status.as_u16(),
            detail: None,
            instance: None,
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// With what is wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string().into());
        self
    }

    /// With a header. A value that no header can carry is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// 422: the request was understood, these fields of it are refused.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-request", "The request is not valid");
        Self { errors, ..problem }
    }

    /// 422 for one field.
    #[must_use]
    pub fn field(field: &str, problem: impl ToString) -> Self {
        Self::invalid(vec![FieldError { field: field.to_owned(), problem: problem.to_string() }])
    }

    /// 400: not what the protocol allows.
    #[must_use]
    pub fn malformed(detail: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", "The request cannot be read").detail(detail)
    }

    /// 413 past so many bytes.
    #[must_use]
    pub fn body_too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
            .detail(format!("{most} bytes at most"))
    }

    /// 404 for a path.
    #[must_use]
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing at this path")
    }

    /// 404 for a plan.
    #[must_use]
    pub fn no_plan() -> Self {
        Self::new(StatusCode::NOT_FOUND, "plan-not-found", "There is no such plan")
    }

    /// 503: the operator did not configure what this needs.
    #[must_use]
    pub fn not_configured(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-configured", "This service is not set up for that")
            .detail(detail)
    }

    /// 500. The detail of what went wrong stays in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here")
            .detail("the log has it under this answer's x-request-id")
    }
}

/// A 500 whose cause is logged here, once, and not told.
pub(crate) fn logged(error: &dyn std::error::Error) -> Problem {
    tracing::error!(error = %chain_of(error), "request failed");
    Problem::internal()
}

fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed => {
                tracing::error!(%error, "the database does not answer");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The service cannot answer now")
                    .detail("try again later")
                    .header(header::RETRY_AFTER, "5")
            }
            error => logged(&error),
        }
    }
}

impl From<ChainError> for Problem {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Db(error) => error.into(),
            // These name a network and what its node said; urls and keys are left out of them where they are made.
            ChainError::Rpc { .. } | ChainError::FeeAboveCap { .. } | ChainError::Unreachable { .. } => {
                tracing::warn!(%error, "a node does not answer as it should");
                Self::new(StatusCode::BAD_GATEWAY, "chain-unavailable", "A chain could not be asked").detail(error)
            }
            // The contract's own reason: what the caller asked for cannot be done as the chain stands.
            error @ ChainError::Reverts { .. } => {
                Self::new(StatusCode::CONFLICT, "call-reverts", "The contract refuses the call").detail(error)
            }
            error => logged(&error),
        }
    }
}

/// An answer that is a problem, with the path of its request; any other as it is.
pub(crate) fn with_instance(mut response: Response, path: &str) -> Response {
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return response };
    problem.instance = Some(path.into());
    let Ok(body) = serde_json::to_vec(&problem) else { return response };
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.map(|_| Body::from(body))
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = std::mem::take(&mut self.headers);
        let mut response = (status, Json(&self)).into_response();
        response.extensions_mut().insert(self);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
