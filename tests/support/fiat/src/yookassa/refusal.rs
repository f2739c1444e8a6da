use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: &'static str,
    description: String,
    parameter: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, description: impl Into<String>) -> Self {
        Self { status, code, description: description.into(), parameter: None }
    }

    pub(super) fn invalid(parameter: impl Into<String>, description: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, "invalid_request", description);
        Self { parameter: Some(parameter.into()), ..refusal }
    }

    pub(super) fn not_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", "The body is not a JSON object")
    }

    /// The object is not in a state for it.
    pub(super) fn state(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    pub(super) fn credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_credentials", "Basic authentication with shop id and key failed")
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} doesn't exist or access denied"))
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The resource is not asked so")
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error", "Internal server error")
    }

    pub(super) fn too_many() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests")
    }

    pub(super) fn json(&self) -> Value {
        let mut body = json!({
            "type": "error",
            "id": Uuid::now_v7().to_string(),
            "code": self.code,
            "description": self.description,
        });
        if let Some(parameter) = &self.parameter {
            body["parameter"] = json!(parameter);
        }
        body
    }
}
