//! Notifications on their way to us.

use std::net::IpAddr;

use billing_fiat::WebhookRequest;
use reqwest::header::HeaderMap;
use time::OffsetDateTime;

/// A request to our webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Where it comes from.
    pub client: IpAddr,
    /// When it comes.
    pub now: OffsetDateTime,
}

impl Delivery {
    /// As the adapter is asked.
    pub fn request(&self) -> WebhookRequest<'_> {
        WebhookRequest { body: &self.body, headers: &self.headers, client: self.client, now: self.now }
    }
}

/// Why a notification is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Signed with another secret.
    Secret,
    /// Not signed.
    Unsigned,
    /// Another body under the same signature.
    Body,
    /// From another address.
    Address,
    /// Signed long ago.
    Stale,
    /// Signed long before its time.
    Future,
}

impl Forgery {
    pub(super) const ALL: [Self; 6] =
        [Self::Secret, Self::Unsigned, Self::Body, Self::Address, Self::Stale, Self::Future];
}
