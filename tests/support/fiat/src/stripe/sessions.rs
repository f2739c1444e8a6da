//! Checkout: pages, and what payers do there.

use serde_json::{Value, json};

use super::{account::Account, form::Form, intents::amount, refusal::Refusal};

const DAY: i64 = 86_400;

impl Account {
    pub(super) fn create_session(&mut self, form: &Form) -> Result<Value, Refusal> {
        if form.need("mode")? != "payment" {
            return Err(Refusal::parameter("parameter_invalid", "mode", "Only payments are emulated"));
        }
        form.need("success_url")?;
        let price = "line_items[0][price_data]";
        let unit = amount(form, &format!("{price}[unit_amount]"))?;
        let quantity = form.number("line_items[0][quantity]")?.unwrap_or(1);
        let currency = form.need(&format!("{price}[currency]"))?;
        form.need(&format!("{price}[product_data][name]"))?;
        let id = self.store.new_id("cs_test");
        let nested = |name: &str| form.get(&format!("payment_intent_data[{name}]"));
        let session = json!({
            "id": id, "object": "checkout.session", "mode": "payment", "status": "open", "payment_status": "unpaid",
            "amount_subtotal": unit * quantity, "amount_total": unit * quantity, "currency": currency,
            "client_reference_id": form.get("client_reference_id"), "metadata": form.object("metadata"),
            "customer": form.get("customer"), "customer_creation": form.get("customer_creation").unwrap_or("if_required"),
            "customer_email": form.get("customer_email"), "payment_intent": null, "livemode": false,
            "success_url": form.get("success_url"), "cancel_url": form.get("cancel_url"),
            "url": format!("{}/pay/{id}", self.base_url), "created": self.now(),
            "expires_at": form.number("expires_at")?.unwrap_or(self.now() + DAY),
        });
        self.store.insert("sessions", session.clone());
        // What the intent will be made of; it is no part of a session's answer.
        let intent = json!({
            "capture_method": nested("capture_method").unwrap_or("automatic_async"), "description": nested("description"),
            "setup_future_usage": nested("setup_future_usage"), "metadata": form.object("payment_intent_data[metadata]"),
        });
        self.intent_data.insert(id, intent);
        Ok(session)
    }

    pub(super) fn expire_session(&mut self, id: &str) -> Result<Value, Refusal> {
        let session = self.store.found(id, "checkout.session")?;
        if session["status"] != "open" {
            return Err(Refusal::state("", "Only Checkout Sessions with a status in [\"open\"] can be expired."));
        }
        let intent = self.store.link(id, "payment_intent");
        self.store.set(id, json!({ "status": "expired", "url": null }));
        self.emit("checkout.session.expired", id);
        if !intent.is_empty() {
            self.end_intent(&intent, "automatic");
        }
        Ok(self.store.get(id).clone())
    }

    /// Sessions whose time is over expire before anybody sees them.
    pub(super) fn expire_due(&mut self, id: &str) {
        let session = self.store.get(id);
        let is_over = session["expires_at"].as_i64().is_some_and(|at| at <= self.now());
        if session["object"] == "checkout.session" && session["status"] == "open" && is_over {
            // Open sessions can be expired.
            drop(self.expire_session(id));
        }
    }

    /// The payer pays, or tries to: `declined` is the bank's word.
    pub(super) fn pay_session(&mut self, id: &str, declined: Option<&str>) -> Result<Value, Refusal> {
        let intent = self.submit(id)?;
        self.confirm(&intent, declined)?;
        Ok(self.complete(id, &intent))
    }

    /// The payer pays by a debit, which takes days.
    pub(super) fn pay_session_slowly(&mut self, id: &str) -> Result<Value, Refusal> {
        let intent = self.submit(id)?;
        self.confirm_slowly(&intent);
        Ok(self.complete(id, &intent))
    }

    /// The debit came, or did not.
    pub(super) fn settle_session(&mut self, id: &str, failure: Option<&str>) -> Result<(), Refusal> {
        let intent = self.store.link(id, "payment_intent");
        self.settle_slowly(&intent, failure)?;
        let (paid, event) = if failure.is_some() { ("unpaid", "failed") } else { ("paid", "succeeded") };
        self.store.set(id, json!({ "payment_status": paid }));
        self.emit(&format!("checkout.session.async_payment_{event}"), id);
        Ok(())
    }

    /// The intent of what the payer has filled in.
    fn submit(&mut self, id: &str) -> Result<String, Refusal> {
        self.expire_due(id);
        let session = self.store.found(id, "checkout.session")?.clone();
        if session["status"] != "open" {
            return Err(Refusal::state("", "This Checkout Session is no longer open."));
        }
        let data = self.intent_data.get(id).cloned().unwrap_or_default();
        if session["payment_intent"].is_null() {
            let intent = self.new_intent(&session["amount_total"], &session["currency"], &data);
            self.store.set(id, json!({ "payment_intent": intent }));
            self.sessions.insert(intent, id.to_owned());
        }
        let intent = self.store.link(id, "payment_intent");
        let customer = if session["customer_creation"] == "always" { self.customer(&session) } else { Value::Null };
        let method = self.method(&customer);
        self.store.set(&intent, json!({ "customer": customer, "payment_method": method }));
        Ok(intent)
    }

    fn complete(&mut self, id: &str, intent: &str) -> Value {
        let customer = self.store.get(intent)["customer"].clone();
        let is_paid = self.store.get(intent)["status"] == "succeeded";
        let paid = if is_paid { "paid" } else { "unpaid" };
        self.store.set(id, json!({ "status": "complete", "payment_status": paid, "customer": customer, "url": null }));
        self.emit("checkout.session.completed", id);
        self.store.get(id).clone()
    }

    fn customer(&mut self, session: &Value) -> Value {
        let id = self.store.new_id("cus");
        let email = &session["customer_email"];
        let customer = json!({ "id": id, "object": "customer", "email": email, "created": self.now(),
            "livemode": false, "metadata": {} });
        self.store.insert("customers", customer);
        json!(id)
    }

    fn method(&mut self, customer: &Value) -> Value {
        let id = self.store.new_id("pm");
        let card = json!({ "brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034, "country": "US" });
        let method = json!({ "id": id, "object": "payment_method", "type": "card", "card": card, "customer": customer,
            "created": self.now(), "livemode": false, "metadata": {} });
        self.store.insert("payment_methods", method);
        json!(id)
    }
}
