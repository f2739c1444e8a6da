//! Its notifications: JSON, with an HMAC in `Fake-Signature`.

use billing_fiat::{Notification, Subject, WebhookError, WebhookRequest};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::stripe::sign;

const SECRET: &str = "fake secret";
const TOLERANCE_SECS: i64 = 300;
/// Where the signature stands.
pub(crate) const HEADER: &str = "fake-signature";

/// A notification on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeEvent {
    /// Byte for byte.
    pub body: Vec<u8>,
    /// Of the header `Fake-Signature`.
    pub signature: String,
}

impl FakeEvent {
    /// Any body as this provider would sign it then.
    pub fn signed(body: Vec<u8>, at: OffsetDateTime) -> Self {
        Self { signature: sign(SECRET, at.unix_timestamp(), &body), body }
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Body<'a> {
    pub(super) id: &'a str,
    pub(super) event: &'a str,
    pub(super) object: &'a str,
    pub(super) object_id: &'a str,
}

pub(super) fn read(request: &WebhookRequest<'_>) -> Result<Notification, WebhookError> {
    let header = request.headers.get(HEADER).and_then(|value| value.to_str().ok()).ok_or(WebhookError::Signature)?;
    let time = header.split_once(',').and_then(|(time, _)| time.strip_prefix("t=")?.parse::<i64>().ok());
    let time = time.filter(|time| sign(SECRET, *time, request.body) == header).ok_or(WebhookError::Signature)?;
    if request.now.unix_timestamp().abs_diff(time) > TOLERANCE_SECS.unsigned_abs() {
        return Err(WebhookError::Stale { tolerance_secs: TOLERANCE_SECS });
    }
    let body: Body<'_> =
        serde_json::from_slice(request.body).map_err(|error| WebhookError::Malformed(error.to_string()))?;
    let id = body.object_id.to_owned();
    let subject = match body.object {
        "payment" => Subject::Payment(id),
        "refund" => Subject::Refund(id),
        "dispute" => Subject::Dispute(id),
        _ => Subject::Nothing,
    };
    Ok(Notification { event_id: body.id.to_owned(), event: body.event.to_owned(), subject })
}
