//! Mandates and orders: what a subscriber signs for somebody else to send, and what we send for subscribers who signed.
//!
//! Invariant: nothing is sent that a simulation on the chain refuses, and every transaction of ours is in `billing_relay`,
//! within the subscriber's and the network's limits, before a node hears of it.

mod authorize;
mod error;
mod limits;
mod message;
mod prepare;
mod relay;
mod repo;
mod settle;
mod steps;

pub use billing_bindings::ISubscriptionTypes::{Mandate, Order};

pub use authorize::{Authorization, TokenPermit};
pub use error::MandateError;
pub use limits::{Limits, Refusal, RefusalReason};
pub use message::{Message, RelayKind, domain};
pub use prepare::{MandateRequest, OrderRequest, mandate, order};
pub use relay::{Relay, RelayOutcome, RelayRequest, RelayStatus, relay};
pub use settle::settle;
pub use steps::{self_sent, to_sign};

use sqlx::PgExecutor;

use crate::ids::RelayId;

/// A relay by its id.
///
/// # Errors
/// The database's.
pub async fn find(conn: impl PgExecutor<'_>, id: RelayId) -> sqlx::Result<Option<Relay>> {
    repo::find(conn, id).await
}
