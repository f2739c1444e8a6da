//! Errors as Stripe words them.

use serde_json::{Value, json};

/// An answer that is an error.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Whether the work had begun, so that the same key is answered with it again.
    pub(super) is_kept: bool,
}

impl Refusal {
    fn new(status: u16, kind: &str, code: Option<&str>, message: &str) -> Self {
        let mut body = json!({ "error": { "type": kind, "message": message } });
        if let Some(code) = code {
            body["error"]["code"] = json!(code);
            body["error"]["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        Self { status, body, is_kept: false }
    }

    pub(super) fn parameter(code: &str, name: &str, message: &str) -> Self {
        let mut refusal = Self::new(400, "invalid_request_error", Some(code), message);
        refusal.body["error"]["param"] = json!(name);
        refusal
    }

    /// What is asked does not go with how things stand.
    pub(super) fn state(code: &str, message: &str) -> Self {
        Self { is_kept: true, ..Self::new(400, "invalid_request_error", Some(code), message) }
    }

    pub(super) fn missing(noun: &str, id: &str, parameter: &str) -> Self {
        let message = format!("No such {noun}: '{id}'");
        let mut refusal = Self::new(404, "invalid_request_error", Some("resource_missing"), &message);
        refusal.body["error"]["param"] = json!(parameter);
        refusal
    }

    pub(super) fn route(method: &str, path: &str) -> Self {
        Self::new(404, "invalid_request_error", None, &format!("Unrecognized request URL ({method}: {path})."))
    }

    pub(super) fn key(given: bool) -> Self {
        let message = if given { "Invalid API Key provided" } else { "You did not provide an API key." };
        Self::new(401, "invalid_request_error", None, message)
    }

    pub(super) fn declined(code: &str, intent: Value) -> Self {
        let top = if matches!(code, "expired_card" | "authentication_required") { code } else { "card_declined" };
        let mut refusal = Self::new(402, "card_error", Some(top), "Your card was declined.");
        refusal.body["error"]["decline_code"] = json!(code);
        refusal.body["error"]["payment_intent"] = intent;
        Self { is_kept: true, ..refusal }
    }

    pub(super) fn other_request(key: &str) -> Self {
        let message = format!("Keys for idempotent requests can only be used with the same parameters: '{key}'.");
        Self::new(400, "idempotency_error", None, &message)
    }

    pub(super) fn in_use(key: &str) -> Self {
        let message = format!("There is currently another in-progress request using this Idempotent Key: {key}.");
        Self::new(409, "idempotency_error", Some("idempotency_key_in_use"), &message)
    }

    pub(super) fn too_many() -> Self {
        Self::new(429, "invalid_request_error", Some("rate_limit"), "Too many requests")
    }

    pub(super) fn broken() -> Self {
        Self { is_kept: true, ..Self::new(500, "api_error", None, "An unknown error occurred") }
    }
}
