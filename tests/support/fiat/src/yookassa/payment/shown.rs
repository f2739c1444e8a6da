//! A payment as the API shows it.

use billing_fiat::Money;
use serde_json::{Value, json};

use super::{Payment, Status};
use crate::yookassa::{objects::instant, read, shop::Shop};

impl Shop {
    pub(super) fn payment_json(&self, payment: &Payment) -> Value {
        let amount = payment.amount;
        let mut out = json!({
            "id": payment.id,
            "status": payment.status.as_str(),
            "amount": read::money_json(amount),
            "recipient": self.recipient(),
            "created_at": instant(payment.created_at),
            "test": true,
            "paid": payment.paid(),
            "refundable": payment.status == Status::Succeeded && payment.left() > 0,
            "metadata": payment.metadata,
        });
        let mut set =
            |name: &str, value: Option<Value>| out.as_object_mut().and_then(|out| out.insert(name.to_owned(), value?));
        set("description", payment.description.as_ref().map(|text| json!(text)));
        set("merchant_customer_id", payment.customer.as_ref().map(|text| json!(text)));
        set("confirmation", payment.confirmation.clone());
        set("payment_method", payment.method.clone());
        set("captured_at", payment.captured_at.map(|at| json!(instant(at))));
        let held = payment.status == Status::WaitingForCapture;
        set("expires_at", held.then(|| json!(instant(payment.ends_at))));
        let settled = payment.status == Status::Succeeded;
        set("income_amount", settled.then(|| read::minor_json(amount.minor() - self.fee(amount), amount)));
        set("refunded_amount", (payment.refunded > 0).then(|| read::minor_json(payment.refunded, amount)));
        let by_card =
            || json!({ "rrn": "603668680243", "auth_code": "062467", "three_d_secure": { "applied": false } });
        set("authorization_details", payment.paid().then(by_card));
        set("receipt_registration", self.registration(payment).map(|status| json!(status)));
        let details = |reason: &String| json!({ "party": party(reason), "reason": reason });
        set("cancellation_details", payment.canceled.as_ref().map(details));
        out
    }

    fn registration(&self, payment: &Payment) -> Option<&'static str> {
        payment.lines.as_ref()?;
        Some(match (&payment.receipt, payment.status) {
            (Some(receipt), _) => self.receipts.get(receipt)?.status(self.now()),
            (None, Status::Canceled) => "canceled",
            (None, _) => "pending",
        })
    }

    /// Rounded to the nearest smallest unit.
    fn fee(&self, amount: Money) -> i64 {
        (amount.minor() * i64::from(self.options.fee_bps) + 5_000) / 10_000
    }
}

fn party(reason: &str) -> &'static str {
    match reason {
        "canceled_by_merchant" => "merchant",
        "deal_expired"
        | "expired_on_capture"
        | "expired_on_confirmation"
        | "fraud_suspected"
        | "internal_timeout"
        | "permission_revoked" => "yoo_money",
        _ => "payment_network",
    }
}
