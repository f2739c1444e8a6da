//! What can be asked, and with which parameters.

use serde_json::Value;

use super::{account::Account, form::Form, refusal::Refusal};

const SESSION: [&str; 17] = [
    "mode",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "customer_creation",
    "expires_at",
    "expand[]",
    "metadata[*]",
    "line_items[][quantity]",
    "line_items[][price_data][currency]",
    "line_items[][price_data][unit_amount]",
    "line_items[][price_data][product_data][name]",
    "payment_intent_data[metadata][*]",
    "payment_intent_data[*]",
    "payment_method_types[]",
];
const INTENT: [&str; 16] = [
    "amount",
    "currency",
    "customer",
    "payment_method",
    "payment_method_types[]",
    "automatic_payment_methods[enabled]",
    "automatic_payment_methods[allow_redirects]",
    "capture_method",
    "confirm",
    "off_session",
    "return_url",
    "description",
    "receipt_email",
    "setup_future_usage",
    "metadata[*]",
    "expand[]",
];
const REFUND: [&str; 5] = ["payment_intent", "amount", "reason", "metadata[*]", "expand[]"];
const LIST: [&str; 6] = ["limit", "starting_after", "created", "created[*]", "payment_intent", "expand[]"];

/// Paths of lists, and the object that one id of them names.
const LISTS: [(&str, &str, &str); 8] = [
    ("checkout/sessions", "sessions", "checkout.session"),
    ("payment_intents", "payment_intents", "payment_intent"),
    ("charges", "charges", "charge"),
    ("refunds", "refunds", "refund"),
    ("disputes", "disputes", "dispute"),
    ("events", "events", "event"),
    ("customers", "customers", "customer"),
    ("payment_methods", "payment_methods", "payment_method"),
];

impl Account {
    /// One request, from its parameters to the answer with what it wants whole.
    pub(super) fn call(&mut self, method: &str, path: &str, form: &Form) -> Result<Value, Refusal> {
        let mut value = match method {
            "GET" => self.read(path, form)?,
            "POST" => self.write(path, form)?,
            _ => return Err(Refusal::route(method, path)),
        };
        for path in form.expand() {
            self.store.expand(&mut value, path)?;
        }
        Ok(value)
    }

    fn read(&mut self, path: &str, query: &Form) -> Result<Value, Refusal> {
        let asked = path.strip_prefix("/v1/").unwrap_or_default();
        for (prefix, list, object) in LISTS {
            match asked.strip_prefix(prefix) {
                Some("") => {
                    query.only(&LIST)?;
                    return self.store.page(list, path, query);
                }
                Some(id) if id.starts_with('/') && !id[1..].contains('/') => {
                    query.only(&["expand[]"])?;
                    self.expire_due(&id[1..]);
                    return self.store.found(&id[1..], object).cloned();
                }
                _ => {}
            }
        }
        Err(Refusal::route("GET", path))
    }

    fn write(&mut self, path: &str, form: &Form) -> Result<Value, Refusal> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["v1", "checkout", "sessions"] => {
                form.only(&SESSION)?;
                self.create_session(form)
            }
            ["v1", "checkout", "sessions", id, "expire"] => {
                form.only(&["expand[]"])?;
                self.expire_session(id)
            }
            ["v1", "payment_intents"] => {
                form.only(&INTENT)?;
                self.create_intent(form)
            }
            ["v1", "payment_intents", id, "capture"] => {
                form.only(&["amount_to_capture", "expand[]"])?;
                self.capture(id, form)
            }
            ["v1", "payment_intents", id, "cancel"] => {
                form.only(&["cancellation_reason", "expand[]"])?;
                self.cancel(id, form)
            }
            ["v1", "refunds"] => {
                form.only(&REFUND)?;
                self.create_refund(form)
            }
            _ => Err(Refusal::route("POST", path)),
        }
    }
}
