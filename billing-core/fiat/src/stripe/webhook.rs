//! Stripe's notifications: `Stripe-Signature: t=…,v1=…[,v1=…]`, an HMAC-SHA256 over `t.body`.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::wire::{Event, EventObject};
use crate::{Notification, Subject, WebhookError, WebhookRequest};

pub(super) fn read(
    request: &WebhookRequest<'_>,
    secrets: &[SecretString],
    tolerance_secs: i64,
) -> Result<Notification, WebhookError> {
    let header = request.headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    let (signed_at, signatures) = header.and_then(parts).ok_or(WebhookError::Signature)?;
    // Everybody can sign with an empty secret.
    let is_signed = secrets.iter().filter(|secret| !secret.expose_secret().is_empty()).any(|secret| {
        let signed = signed(secret, signed_at, request.body);
        signatures
            .iter()
            .any(|signature| signed.as_ref().is_some_and(|mac| mac.clone().verify_slice(signature).is_ok()))
    });
    if !is_signed {
        return Err(WebhookError::Signature);
    }
    // Into the future too, or who once had a secret could sign for years to come.
    let time: i64 = signed_at.parse().map_err(|_| WebhookError::Signature)?;
    if request.now.unix_timestamp().abs_diff(time) > tolerance_secs.unsigned_abs() {
        return Err(WebhookError::Stale { tolerance_secs });
    }
    let event: Event = serde_json::from_slice(request.body).map_err(|error| malformed(&error))?;
    let subject = subject(&event.kind, event.data.object)?;
    Ok(Notification { event_id: event.id, event: event.kind, subject })
}

/// The time as it was signed, and the signatures of the scheme that we know.
fn parts(header: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let time = fields().find(|(name, _)| *name == "t").map(|(_, time)| time)?;
    let signatures = fields().filter(|(name, _)| *name == "v1").filter_map(|(_, text)| hex::decode(text).ok());
    Some((time, signatures.collect()))
}

fn signed(secret: &SecretString, time: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

/// Where it went wrong; not the words of the body.
fn malformed(error: &serde_json::Error) -> WebhookError {
    WebhookError::Malformed(format!("{:?} at line {} column {}", error.classify(), error.line(), error.column()))
}

fn subject(kind: &str, object: EventObject) -> Result<Subject, WebhookError> {
    let id = |object: EventObject| object.id.ok_or_else(|| WebhookError::Malformed("an object without id".to_owned()));
    Ok(match kind {
        "charge.refunded" => object.payment_intent.map_or(Subject::Nothing, Subject::Payment),
        "charge.refund.updated" => Subject::Refund(id(object)?),
        _ if kind.starts_with("refund.") => Subject::Refund(id(object)?),
        _ if kind.starts_with("charge.dispute.") => Subject::Dispute(id(object)?),
        _ if kind.starts_with("checkout.session.") || kind.starts_with("payment_intent.") => {
            Subject::Payment(id(object)?)
        }
        _ => Subject::Nothing,
    })
}
