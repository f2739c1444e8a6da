//! Refunds: together never more than was paid.

use billing_fiat::Money;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    objects::{Object, argument, instant},
    payment::Status,
    read,
    receipt::{self, Lines},
    refusal::Refusal,
    shop::Shop,
};

#[derive(Debug)]
pub(super) struct Refund {
    id: String,
    payment: String,
    amount: Money,
    state: State,
    description: Option<String>,
    metadata: Value,
    created_at: OffsetDateTime,
    lines: Option<Lines>,
    receipt: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Pending,
    Succeeded,
    Canceled(String),
}

impl State {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Canceled(_) => "canceled",
        }
    }
}

impl Object for Refund {
    fn id(&self) -> &str {
        &self.id
    }

    fn created_at(&self) -> OffsetDateTime {
        self.created_at
    }
}

impl Shop {
    pub(super) fn create_refund(&mut self, body: &Value) -> Result<Value, Refusal> {
        let amount = read::money(body, "amount")?;
        let payment = read::text(body, "payment_id", 36)?.ok_or_else(|| Refusal::invalid("payment_id", "Missing"))?;
        let (description, metadata) = (read::text(body, "description", 250)?, read::metadata(body)?);
        let lines = receipt::lines(body, amount)?;
        let (id, now) = (Uuid::now_v7().to_string(), self.now());
        let paid = self.payments.get_mut(payment).ok_or_else(|| Refusal::invalid("payment_id", "No such payment"))?;
        if paid.status != Status::Succeeded {
            return Err(Refusal::state("Only a payment that succeeded is refunded"));
        }
        if paid.amount.currency() != amount.currency() || amount.minor() > paid.left() {
            return Err(Refusal::invalid("amount", "More than is left of the payment, or of another currency"));
        }
        paid.refunding += amount.minor();
        self.refunds.push(Refund {
            id: id.clone(),
            payment: payment.to_owned(),
            amount,
            state: State::Pending,
            description: description.map(str::to_owned),
            metadata,
            created_at: now,
            lines,
            receipt: None,
        });
        if !self.refunds_wait {
            self.decide_refund(&id, None);
        }
        self.refund(&id).ok_or_else(Refusal::internal)
    }

    /// It succeeds, or is canceled for a reason. Whether it was still open.
    pub(super) fn decide_refund(&mut self, id: &str, reason: Option<&str>) -> bool {
        let Some(refund) = self.refunds.get_mut(id).filter(|refund| refund.state == State::Pending) else {
            return false;
        };
        refund.state = reason.map_or(State::Succeeded, |reason| State::Canceled(reason.to_owned()));
        let (amount, payment, lines) = (refund.amount, refund.payment.clone(), refund.lines.clone());
        if let Some(payment) = self.payments.get_mut(&payment) {
            payment.refunding -= amount.minor();
            payment.refunded += if reason.is_none() { amount.minor() } else { 0 };
        }
        // Nobody is told of a refund that came to nothing.
        if reason.is_none() {
            let receipt = lines.map(|lines| self.print(lines, amount, &payment, Some(id)));
            if let Some(refund) = self.refunds.get_mut(id) {
                refund.receipt = receipt;
            }
            if let Some(object) = self.refund(id) {
                self.tell("refund.succeeded", object);
            }
        }
        true
    }

    pub(super) fn refund(&self, id: &str) -> Option<Value> {
        self.refunds.get(id).map(|refund| self.refund_json(refund))
    }

    pub(super) fn list_refunds(&self, query: &[(String, String)]) -> Result<Value, Refusal> {
        let (payment, status) = (argument(query, "payment_id"), argument(query, "status"));
        let keep = |refund: &Refund| {
            payment.is_none_or(|payment| refund.payment == payment)
                && status.is_none_or(|status| refund.state.as_str() == status)
        };
        self.refunds.page(query, keep, |refund| self.refund_json(refund))
    }

    pub(super) fn all_refunds(&self) -> Vec<Value> {
        self.refunds.iter().map(|refund| self.refund_json(refund)).collect()
    }

    fn refund_json(&self, refund: &Refund) -> Value {
        let mut out = json!({
            "id": refund.id,
            "payment_id": refund.payment,
            "status": refund.state.as_str(),
            "created_at": instant(refund.created_at),
            "amount": read::money_json(refund.amount),
            "metadata": refund.metadata,
        });
        if let Some(text) = &refund.description {
            out["description"] = json!(text);
        }
        if let State::Canceled(reason) = &refund.state {
            out["cancellation_details"] = json!({ "party": "yoo_money", "reason": reason });
        }
        if refund.lines.is_some() {
            let receipt = refund.receipt.as_ref().and_then(|receipt| self.receipts.get(receipt));
            let ended = if matches!(refund.state, State::Canceled(_)) { "canceled" } else { "pending" };
            out["receipt_registration"] = json!(receipt.map_or(ended, |receipt| receipt.status(self.now())));
        }
        out
    }
}
