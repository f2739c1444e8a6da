//! Money that goes back: refunds, and disputes.

use serde_json::{Value, json};

use super::{account::Account, form::Form, refusal::Refusal};

/// What Stripe takes for a dispute, in the smallest unit.
const DISPUTE_FEE: i64 = 1_500;

impl Account {
    pub(super) fn create_refund(&mut self, form: &Form) -> Result<Value, Refusal> {
        let intent = form.need("payment_intent")?;
        if let Some(reason) = form.get("reason")
            && !["duplicate", "fraudulent", "requested_by_customer"].contains(&reason)
        {
            return Err(Refusal::parameter("parameter_invalid", "reason", "Invalid reason"));
        }
        if self.store.get(intent)["object"] != "payment_intent" {
            return Err(Refusal::missing("payment_intent", intent, "payment_intent"));
        }
        let charge = self.store.link(intent, "latest_charge");
        if self.store.get(&charge)["captured"] != true {
            return Err(Refusal::state("", "This PaymentIntent does not have a successful charge to refund."));
        }
        if self.store.get(&charge)["disputed"] == true {
            return Err(Refusal::state("charge_disputed", "The charge is disputed."));
        }
        let left = self.store.amount(&charge, "amount") - self.store.amount(&charge, "amount_refunded");
        if left == 0 {
            return Err(Refusal::state("charge_already_refunded", "The charge has already been refunded."));
        }
        let amount = form.number("amount")?.unwrap_or(left);
        if !(1..=left).contains(&amount) {
            let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
            return Err(Refusal { is_kept: true, ..Refusal::parameter("amount_too_large", "amount", &message) });
        }
        let status = if self.options.slow_refunds { "pending" } else { "succeeded" };
        let reason = form.get("reason").map_or(Value::Null, Value::from);
        let refund = self.new_refund(&charge, amount, status, &form.object("metadata"), &reason);
        self.give_back(&charge, amount);
        Ok(self.store.get(&refund).clone())
    }

    pub(super) fn new_refund(
        &mut self,
        charge: &str,
        amount: i64,
        status: &str,
        metadata: &Value,
        reason: &Value,
    ) -> String {
        let id = self.store.new_id("re");
        let of = self.store.get(charge).clone();
        let balance = self.balance("refund", &id, -amount, 0, &of["currency"]);
        let refund = json!({
            "id": id, "object": "refund", "amount": amount, "balance_transaction": balance["id"], "charge": charge,
            "created": self.now(), "currency": of["currency"], "failure_reason": null, "metadata": metadata,
            "payment_intent": of["payment_intent"], "reason": reason, "status": status,
        });
        self.store.insert("refunds", refund);
        self.emit("refund.created", &id);
        id
    }

    fn give_back(&mut self, charge: &str, amount: i64) {
        let refunded = self.store.amount(charge, "amount_refunded") + amount;
        let is_all = refunded == self.store.amount(charge, "amount");
        self.store.set(charge, json!({ "amount_refunded": refunded, "refunded": is_all }));
        self.emit("charge.refunded", charge);
    }

    /// A bank takes a refund, or does not.
    pub(super) fn end_refund(&mut self, id: &str, failure: Option<&str>) -> Result<(), Refusal> {
        let refund = self.store.found(id, "refund")?.clone();
        if refund["status"] == "failed" {
            return Err(Refusal::state("", "The refund has failed already."));
        }
        let status = if failure.is_some() { "failed" } else { "succeeded" };
        self.store.set(id, json!({ "status": status, "failure_reason": failure }));
        if failure.is_some() {
            let (charge, amount) = (self.store.link(id, "charge"), self.store.amount(id, "amount"));
            let left = self.store.amount(&charge, "amount_refunded") - amount;
            self.store.set(&charge, json!({ "amount_refunded": left, "refunded": false }));
        }
        self.emit("refund.updated", id);
        self.emit("charge.refund.updated", id);
        if failure.is_some() {
            self.emit("refund.failed", id);
        }
        Ok(())
    }

    pub(super) fn open_dispute(&mut self, intent: &str, amount: i64, is_inquiry: bool) -> Result<String, Refusal> {
        let charge = self.store.found(intent, "payment_intent")?["latest_charge"].clone();
        let charge = charge.as_str().unwrap_or_default().to_owned();
        let of = self.store.found(&charge, "charge")?.clone();
        let id = self.store.new_id("dp");
        let moved = if is_inquiry { json!([]) } else { json!([self.withdrawn(&id, amount, &of)]) };
        let status = if is_inquiry { "warning_needs_response" } else { "needs_response" };
        let dispute = json!({
            "id": id, "object": "dispute", "amount": amount, "balance_transactions": moved, "charge": charge,
            "created": self.now(), "currency": of["currency"], "is_charge_refundable": is_inquiry, "livemode": false,
            "metadata": {}, "payment_intent": intent, "reason": "fraudulent", "status": status,
        });
        self.store.insert("disputes", dispute);
        self.store.set(&charge, json!({ "disputed": !is_inquiry }));
        self.emit("charge.dispute.created", &id);
        if !is_inquiry {
            self.emit("charge.dispute.funds_withdrawn", &id);
        }
        Ok(id)
    }

    fn withdrawn(&mut self, dispute: &str, amount: i64, of: &Value) -> Value {
        self.balance("adjustment", dispute, -amount, DISPUTE_FEE, &of["currency"])
    }

    pub(super) fn close_dispute(&mut self, id: &str, is_won: bool) -> Result<(), Refusal> {
        let mut dispute = self.store.found(id, "dispute")?.clone();
        let is_inquiry = dispute["status"].as_str().is_some_and(|status| status.starts_with("warning_"));
        let status = match (is_inquiry, is_won) {
            (true, _) => "warning_closed",
            (false, true) => "won",
            (false, false) => "lost",
        };
        if status == "won" {
            let amount = self.store.amount(id, "amount");
            let back = self.balance("adjustment", id, amount, 0, &dispute["currency"]);
            dispute["balance_transactions"].as_array_mut().into_iter().for_each(|moved| moved.push(back.clone()));
        }
        self.store.set(id, json!({ "status": status, "balance_transactions": dispute["balance_transactions"] }));
        if status == "won" {
            self.emit("charge.dispute.funds_reinstated", id);
        }
        self.emit("charge.dispute.closed", id);
        Ok(())
    }
}
