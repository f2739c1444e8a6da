//! What the shop has, and its clock.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Options,
    fault::Operation,
    method::Method,
    objects::{Objects, to_milli},
    payment::Payment,
    receipt::Receipt,
    refund::Refund,
    refusal::Refusal,
};

/// What was done, as a notification tells it.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) object: Value,
}

#[derive(Debug)]
pub(super) struct Shop {
    pub(super) options: Options,
    /// Of the server, without a path.
    pub(super) address: String,
    /// Of the clock.
    pub(super) offset: time::Duration,
    pub(super) payments: Objects<Payment>,
    pub(super) refunds: Objects<Refund>,
    pub(super) receipts: Objects<Receipt>,
    pub(super) methods: HashMap<String, Method>,
    /// Why the next payments with a saved method are declined.
    pub(super) declines: VecDeque<String>,
    /// Whether refunds wait for a word.
    pub(super) refunds_wait: bool,
    pub(super) keys: HashMap<String, Kept>,
    /// Not handed over for delivery yet.
    pub(super) events: Vec<Event>,
}

/// What an idempotence key was used for.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) request: Value,
    pub(super) answer: Value,
    pub(super) at: OffsetDateTime,
}

/// One request that is understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) operation: Operation,
    pub(super) id: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: &'a Value,
}

impl Shop {
    pub(super) fn new(options: Options, address: String) -> Self {
        Self {
            options,
            address,
            offset: time::Duration::ZERO,
            payments: Objects::default(),
            refunds: Objects::default(),
            receipts: Objects::default(),
            methods: HashMap::new(),
            declines: VecDeque::new(),
            refunds_wait: false,
            keys: HashMap::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        to_milli(OffsetDateTime::now_utc() + self.offset)
    }

    pub(super) fn answer(&mut self, wish: &Wish<'_>) -> Result<Value, Refusal> {
        let Wish { operation, id, query, body } = *wish;
        match operation {
            Operation::CreatePayment => self.create_payment(body),
            Operation::GetPayment => self.payment(id).ok_or_else(|| Refusal::not_found("Payment")),
            Operation::ListPayments => self.list_payments(query),
            Operation::CapturePayment => self.capture_payment(id, body),
            Operation::CancelPayment => self.cancel_payment(id),
            Operation::GetMethod => self.saved_method(id),
            Operation::CreateRefund => self.create_refund(body),
            Operation::GetRefund => self.refund(id).ok_or_else(|| Refusal::not_found("Refund")),
            Operation::ListRefunds => self.list_refunds(query),
            Operation::CreateReceipt => self.create_receipt(body),
            Operation::GetReceipt => self.receipt(id).ok_or_else(|| Refusal::not_found("Receipt")),
            Operation::ListReceipts => self.list_receipts(query),
            Operation::Me => Ok(self.me()),
        }
    }

    pub(super) fn recipient(&self) -> Value {
        json!({ "account_id": self.options.shop_id, "gateway_id": "1000001" })
    }

    fn me(&self) -> Value {
        json!({
            "account_id": self.options.shop_id,
            "status": "enabled",
            "test": true,
            "fiscalization": { "enabled": true, "provider": "atol" },
            "payment_methods": ["bank_card"],
            "itn": "7707083893",
        })
    }

    pub(super) fn tell(&mut self, name: &'static str, object: Value) {
        self.events.push(Event { name, object });
    }

    /// Ends what nobody confirmed or captured in time.
    pub(super) fn expire_all(&mut self) {
        let now = self.now();
        let due = self.payments.iter().filter(|payment| payment.is_due(now));
        let ids: Vec<String> = due.map(|payment| payment.id.clone()).collect();
        for id in ids {
            self.expire_if_due(&id);
        }
    }
}
