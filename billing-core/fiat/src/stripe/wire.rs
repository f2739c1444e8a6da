//! What of Stripe's objects we read.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    pub(super) has_more: bool,
}

/// An object, or its id where it was not asked for whole.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl<T> Expandable<T> {
    pub(super) fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) mode: String,
    pub(super) status: Option<String>,
    pub(super) amount_total: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) client_reference_id: Option<String>,
    #[serde(default)]
    pub(super) metadata: HashMap<String, String>,
    pub(super) payment_intent: Option<Expandable<Intent>>,
    pub(super) url: Option<String>,
    pub(super) created: i64,
    pub(super) livemode: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: i64,
    #[serde(default)]
    pub(super) amount_received: i64,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) metadata: HashMap<String, String>,
    pub(super) latest_charge: Option<Expandable<Charge>>,
    pub(super) last_payment_error: Option<Failure>,
    pub(super) cancellation_reason: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) payment_method: Option<String>,
    pub(super) setup_future_usage: Option<String>,
    pub(super) created: i64,
    pub(super) livemode: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Charge {
    pub(super) amount: i64,
    pub(super) amount_captured: i64,
    pub(super) amount_refunded: i64,
    pub(super) balance_transaction: Option<Expandable<BalanceTransaction>>,
    pub(super) payment_method_details: Option<MethodDetails>,
    pub(super) refunds: Option<List<Refund>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MethodDetails {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) card: Option<Card>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Card {
    pub(super) brand: Option<String>,
    pub(super) last4: Option<String>,
    /// When an uncaptured charge is given back by itself.
    pub(super) capture_before: Option<i64>,
}

/// What a movement did to our balance, in the currency of that balance.
#[derive(Debug, Deserialize)]
pub(super) struct BalanceTransaction {
    pub(super) fee: i64,
    pub(super) currency: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: Option<String>,
    pub(super) failure_reason: Option<String>,
    pub(super) payment_intent: Option<String>,
    pub(super) balance_transaction: Option<Expandable<BalanceTransaction>>,
    #[serde(default)]
    pub(super) metadata: HashMap<String, String>,
    pub(super) created: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) payment_intent: Option<String>,
    #[serde(default)]
    pub(super) balance_transactions: Vec<BalanceTransaction>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    pub(super) error: Failure,
}

#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    #[serde(rename = "type")]
    pub(super) kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) param: Option<String>,
    pub(super) payment_intent: Option<Box<Intent>>,
}

impl Failure {
    /// The most exact word for it.
    pub(super) fn code(&self) -> &str {
        self.decline_code.as_deref().or(self.code.as_deref()).unwrap_or(&self.kind)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) data: EventData,
}

#[derive(Debug, Deserialize)]
pub(super) struct EventData {
    pub(super) object: EventObject,
}

#[derive(Debug, Deserialize)]
pub(super) struct EventObject {
    pub(super) id: Option<String>,
    pub(super) payment_intent: Option<String>,
}
