//! Notifications: who sent them, and what they are about. What they say is a hint; the truth is asked for.

use std::net::IpAddr;

use reqwest::header::HeaderMap;
use time::OffsetDateTime;

/// What came in.
#[derive(Clone, Copy, Debug)]
pub struct WebhookRequest<'a> {
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The client's address: as our own outermost proxy says, if there is one.
    pub client: IpAddr,
    /// When it came.
    pub now: OffsetDateTime,
}

/// A notification that its sender is believed to have sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The same for each delivery of one event.
    pub event_id: String,
    /// The provider's word: `payment.succeeded`.
    pub event: String,
    /// What to ask about.
    pub subject: Subject,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// [`crate::Payment::external_id`] or [`crate::Payment::charge_id`].
    Payment(String),
    /// [`crate::Refund::external_id`].
    Refund(String),
    /// [`crate::Dispute::external_id`].
    Dispute(String),
    /// Nothing that we do anything about.
    Nothing,
}

/// Why a notification is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// From an address that is not the provider's.
    #[error("{0} is not an address of the provider")]
    ForeignAddress(IpAddr),
    /// No signature, or one that no secret of ours makes.
    #[error("the signature is not the provider's")]
    Signature,
    /// Signed too long ago, or in the future.
    #[error("the signature's time is more than {tolerance_secs} s off")]
    Stale {
        /// How far it may be.
        tolerance_secs: i64,
    },
    /// Not what the provider sends.
    #[error("the body is no notification: {0}")]
    Malformed(String),
}
