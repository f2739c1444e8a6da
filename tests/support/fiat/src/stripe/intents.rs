//! Payment intents and their charges.

use serde_json::{Value, json};

use super::{account::Account, form::Form, refusal::Refusal};

/// Seconds that money is held for.
const HELD: i64 = 7 * 86_400;

/// Eight digits are the most that one charge can have.
pub(super) fn amount(form: &Form, name: &str) -> Result<i64, Refusal> {
    form.need(name)?;
    match form.number(name)?.unwrap_or_default() {
        ..1 => {
            Err(Refusal::parameter("parameter_invalid_integer", name, "This value must be greater than or equal to 1."))
        }
        100_000_000.. => Err(Refusal::parameter("amount_too_large", name, "Amount must be no more than 999,999.99")),
        amount => Ok(amount),
    }
}

impl Account {
    pub(super) fn create_intent(&mut self, form: &Form) -> Result<Value, Refusal> {
        let minor = amount(form, "amount")?;
        let currency = form.need("currency")?;
        let (confirm, methods) = (form.is("confirm"), "automatic_payment_methods");
        if form.is("off_session") && !confirm {
            return Err(Refusal::parameter("parameter_invalid", "off_session", "off_session needs confirm=true."));
        }
        let stays = form.get(&format!("{methods}[allow_redirects]")) == Some("never");
        if confirm && !stays && form.get("return_url").is_none() && form.get("payment_method_types[0]").is_none() {
            return Err(Refusal::parameter("parameter_missing", "return_url", "You must provide a `return_url`."));
        }
        let method = if confirm { Some(self.usable_method(form)?) } else { None };
        let data = json!({
            "capture_method": form.get("capture_method").unwrap_or("automatic_async"),
            "description": form.get("description"), "setup_future_usage": form.get("setup_future_usage"),
            "metadata": form.object("metadata"), "customer": form.get("customer"), "payment_method": method,
            "receipt_email": form.get("receipt_email"),
        });
        let id = self.new_intent(&json!(minor), &json!(currency), &data);
        if let Some(method) = method {
            let scripted = if form.is("off_session") { self.next_refusals.pop_front() } else { None };
            let declined = scripted.or_else(|| self.refused_methods.get(&method).cloned());
            self.confirm(&id, declined.as_deref())?;
        }
        Ok(self.store.get(&id).clone())
    }

    /// A method that the customer has.
    fn usable_method(&self, form: &Form) -> Result<String, Refusal> {
        let (method, customer) = (form.need("payment_method")?, form.get("customer").unwrap_or_default());
        if self.store.get(method)["object"] != "payment_method" {
            return Err(Refusal::missing("PaymentMethod", method, "payment_method"));
        }
        if !customer.is_empty() && self.store.get(customer)["object"] != "customer" {
            return Err(Refusal::missing("customer", customer, "customer"));
        }
        if self.store.link(method, "customer") != customer {
            return Err(Refusal::state("", "The provided PaymentMethod cannot be used by this customer."));
        }
        Ok(method.to_owned())
    }

    pub(super) fn new_intent(&mut self, amount: &Value, currency: &Value, data: &Value) -> String {
        let id = self.store.new_id("pi");
        let intent = json!({
            "id": id, "object": "payment_intent", "amount": amount, "amount_capturable": 0, "amount_received": 0,
            "currency": currency, "status": "requires_payment_method", "capture_method": data["capture_method"],
            "description": data["description"], "metadata": data["metadata"], "customer": data["customer"],
            "payment_method": data["payment_method"], "setup_future_usage": data["setup_future_usage"],
            "receipt_email": data["receipt_email"], "latest_charge": null, "last_payment_error": null,
            "cancellation_reason": null, "canceled_at": null, "client_secret": format!("{id}_secret"),
            "created": self.now(), "livemode": false,
        });
        self.store.insert("payment_intents", intent);
        self.emit("payment_intent.created", &id);
        id
    }

    /// Asks the bank.
    pub(super) fn confirm(&mut self, id: &str, declined: Option<&str>) -> Result<(), Refusal> {
        let charge = self.charge(id, declined);
        self.store.set(id, json!({ "latest_charge": charge, "last_payment_error": null }));
        if let Some(code) = declined {
            return Err(self.fail(id, code));
        }
        let amount = self.store.amount(id, "amount");
        if self.store.get(id)["capture_method"] == "manual" {
            self.store.set(id, json!({ "status": "requires_capture", "amount_capturable": amount }));
            self.emit("payment_intent.amount_capturable_updated", id);
        } else {
            self.take(id, &charge, amount);
        }
        Ok(())
    }

    fn fail(&mut self, id: &str, code: &str) -> Refusal {
        let mut refusal = Refusal::declined(code, Value::Null);
        let mut error = refusal.body["error"].clone();
        error.as_object_mut().map(|error| error.remove("payment_intent"));
        self.store.set(id, json!({ "status": "requires_payment_method", "last_payment_error": error }));
        self.emit("payment_intent.payment_failed", id);
        refusal.body["error"]["payment_intent"] = self.store.get(id).clone();
        refusal
    }

    /// A bank is asked that takes days to answer.
    pub(super) fn confirm_slowly(&mut self, id: &str) {
        let charge = self.charge(id, None);
        self.store.set(&charge, json!({ "status": "pending", "paid": false }));
        self.store.set(id, json!({ "latest_charge": charge, "last_payment_error": null, "status": "processing" }));
        self.emit("payment_intent.processing", id);
    }

    /// And then it has answered.
    pub(super) fn settle_slowly(&mut self, id: &str, failure: Option<&str>) -> Result<(), Refusal> {
        self.must_be(id, &["processing"], "settled")?;
        let (charge, amount) = (self.store.link(id, "latest_charge"), self.store.amount(id, "amount"));
        let status = if failure.is_some() { "failed" } else { "succeeded" };
        self.store.set(&charge, json!({ "status": status, "paid": failure.is_none() }));
        match failure {
            Some(code) => drop(self.fail(id, code)),
            None => self.take(id, &charge, amount),
        }
        Ok(())
    }

    fn charge(&mut self, intent: &str, declined: Option<&str>) -> String {
        let id = self.store.new_id("ch");
        let (of, now) = (self.store.get(intent).clone(), self.now());
        let capture_before = (of["capture_method"] == "manual").then_some(now + HELD);
        let card = json!({ "brand": "visa", "last4": "4242", "capture_before": capture_before });
        let charge = json!({
            "id": id, "object": "charge", "amount": of["amount"], "amount_captured": 0, "amount_refunded": 0,
            "balance_transaction": null, "captured": false, "currency": of["currency"], "customer": of["customer"],
            "created": now, "disputed": false, "failure_code": declined.map(|_| "card_declined"), "livemode": false,
            "metadata": of["metadata"], "paid": declined.is_none(), "payment_intent": intent,
            "payment_method": of["payment_method"], "payment_method_details": { "type": "card", "card": card },
            "refunded": false, "status": if declined.is_none() { "succeeded" } else { "failed" },
        });
        self.store.insert("charges", charge);
        id
    }

    /// Takes the money that a charge holds.
    fn take(&mut self, id: &str, charge: &str, amount: i64) {
        let currency = self.store.get(id)["currency"].clone();
        let fee = self.fee(amount);
        let balance = self.balance("charge", charge, amount, fee, &currency);
        let fields = json!({ "amount_captured": amount, "captured": true, "balance_transaction": balance["id"] });
        self.store.set(charge, fields);
        self.store.set(id, json!({ "status": "succeeded", "amount_received": amount, "amount_capturable": 0 }));
        self.emit("payment_intent.succeeded", id);
    }

    pub(super) fn capture(&mut self, id: &str, form: &Form) -> Result<Value, Refusal> {
        self.must_be(id, &["requires_capture"], "captured")?;
        let held = self.store.amount(id, "amount_capturable");
        let amount = form.number("amount_to_capture")?.unwrap_or(held);
        if !(1..=held).contains(&amount) {
            let message = format!("The amount to capture must be from 1 to {held}.");
            return Err(Refusal::parameter("amount_too_large", "amount_to_capture", &message));
        }
        let charge = self.store.link(id, "latest_charge");
        self.take(id, &charge, amount);
        if amount < held {
            self.release(&charge, held - amount);
        }
        if let Some(session) = self.session_of(id) {
            self.store.set(&session, json!({ "payment_status": "paid" }));
        }
        Ok(self.store.get(id).clone())
    }

    /// What is not captured is told as given back, without money that moves.
    fn release(&mut self, charge: &str, amount: i64) {
        self.store.set(charge, json!({ "amount_refunded": amount }));
        let refund = self.new_refund(charge, amount, "succeeded", &json!({}), &Value::Null);
        self.store.set(&refund, json!({ "balance_transaction": null }));
    }

    pub(super) fn cancel(&mut self, id: &str, form: &Form) -> Result<Value, Refusal> {
        let open = ["requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"];
        self.must_be(id, &open, "canceled")?;
        let waiting = self.store.get(id)["status"] == "requires_payment_method";
        if waiting && self.session_of(id).is_some() {
            return Err(Refusal::state(
                "",
                "You cannot cancel the PaymentIntent of an open Checkout Session; expire it.",
            ));
        }
        self.end_intent(id, form.get("cancellation_reason").unwrap_or_default());
        Ok(self.store.get(id).clone())
    }

    pub(super) fn end_intent(&mut self, id: &str, reason: &str) {
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let fields = json!({ "status": "canceled", "amount_capturable": 0, "cancellation_reason": reason,
            "canceled_at": self.now() });
        self.store.set(id, fields);
        self.emit("payment_intent.canceled", id);
    }

    fn must_be(&self, id: &str, statuses: &[&str], verb: &str) -> Result<(), Refusal> {
        let status = self.store.found(id, "payment_intent")?["status"].as_str().unwrap_or_default();
        if statuses.contains(&status) {
            return Ok(());
        }
        let message = format!("This PaymentIntent could not be {verb} because it has a status of {status}.");
        Err(Refusal::state("payment_intent_unexpected_state", &message))
    }

    fn session_of(&self, intent: &str) -> Option<String> {
        self.sessions.get(intent).cloned()
    }
}
