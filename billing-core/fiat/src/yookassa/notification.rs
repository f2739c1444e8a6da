//! Notifications. They are not signed and carry no id of their own: where they come from is all that speaks for them.

use ipnet::IpNet;
use serde::Deserialize;

use super::is_id;
use crate::{Notification, Subject, WebhookError, WebhookRequest};

/// Characters of the longest event there may be.
const MAX_EVENT: usize = 64;

/// Bytes of the longest id of what we do nothing about.
const MAX_FOREIGN_ID: usize = 64;

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: String,
}

pub(super) fn read(request: &WebhookRequest<'_>, networks: &[IpNet]) -> Result<Notification, WebhookError> {
    // A listener on IPv6 sees clients of IPv4 as addresses of IPv6.
    let client = request.client.to_canonical();
    if !networks.iter().any(|network| network.contains(&client)) {
        return Err(WebhookError::ForeignAddress(client));
    }
    let body: Body = serde_json::from_slice(request.body)
        .map_err(|error| malformed(&format!("line {} column {} is not what is sent", error.line(), error.column())))?;
    if body.kind != "notification" {
        return Err(malformed("its type is another"));
    }
    if !is_event(&body.event) {
        return Err(malformed("its event is none"));
    }
    let Body { event, object: Object { id }, .. } = body;
    // An object enters each of its states once.
    let event_id = format!("{event}:{id}");
    let subject = match event.split_once('.') {
        Some(("payment" | "refund", _)) if !is_id(&id) => return Err(malformed("its object has no id")),
        Some(("payment", _)) => Subject::Payment(id),
        Some(("refund", _)) => Subject::Refund(id),
        _ if id.len() > MAX_FOREIGN_ID => return Err(malformed("its object has no id")),
        _ => Subject::Nothing,
    };
    Ok(Notification { event_id, event, subject })
}

fn is_event(text: &str) -> bool {
    (1..=MAX_EVENT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.')
}

fn malformed(what: &str) -> WebhookError {
    WebhookError::Malformed(what.to_owned())
}
