//! An account: what it has, what time it is, what it is told to do next.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Options, store::Store};

/// The version of the interface that the answers are of.
pub(super) const VERSION: &str = "2026-10-28.endive";

#[derive(Debug)]
pub(super) struct Account {
    pub(super) store: Store,
    pub(super) options: Options,
    pub(super) base_url: String,
    /// How far its clock is ahead.
    pub(super) ahead_secs: i64,
    /// By session: what its intent will be made of.
    pub(super) intent_data: HashMap<String, Value>,
    /// By intent: the session that made it.
    pub(super) sessions: HashMap<String, String>,
    /// Decline codes of the next charges with nobody present.
    pub(super) next_refusals: VecDeque<String>,
    /// Methods that pay no more, and why.
    pub(super) refused_methods: HashMap<String, String>,
    /// Of what happened and was not sent yet.
    pub(super) events: Vec<Value>,
    /// The key of the request that is being done.
    pub(super) key: Option<String>,
}

impl Account {
    pub(super) fn new(options: Options, base_url: String) -> Self {
        Self {
            store: Store::default(),
            options,
            base_url,
            ahead_secs: 0,
            intent_data: HashMap::new(),
            sessions: HashMap::new(),
            next_refusals: VecDeque::new(),
            refused_methods: HashMap::new(),
            events: Vec::new(),
            key: None,
        }
    }

    pub(super) fn now(&self) -> i64 {
        OffsetDateTime::now_utc().unix_timestamp() + self.ahead_secs
    }

    /// Tells the world how an object stands now.
    pub(super) fn emit(&mut self, kind: &str, id: &str) {
        let event = json!({
            "id": self.store.new_id("evt"),
            "object": "event",
            "api_version": VERSION,
            "created": self.now(),
            "data": { "object": self.store.get(id) },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": self.key },
            "type": kind,
        });
        self.store.insert("events", event.clone());
        self.events.push(event);
    }

    /// What the provider keeps of a charge, halves up.
    pub(super) const fn fee(&self, amount: i64) -> i64 {
        (amount * self.options.fee_bps + 5_000) / 10_000 + self.options.fee_fixed
    }

    /// Money that moved on our balance.
    pub(super) fn balance(&mut self, kind: &str, source: &str, amount: i64, fee: i64, currency: &Value) -> Value {
        let id = self.store.new_id("txn");
        let currency = self.options.balance_currency.as_deref().map_or_else(|| currency.clone(), Value::from);
        let balance = json!({
            "id": id, "object": "balance_transaction", "amount": amount, "fee": fee, "net": amount - fee,
            "currency": currency, "source": source, "type": kind, "created": self.now(), "status": "available",
        });
        self.store.insert("balance_transactions", balance.clone());
        balance
    }
}
