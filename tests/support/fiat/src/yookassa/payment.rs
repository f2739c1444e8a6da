//! Payments: a status only moves forward, and only as the vendor describes it.

mod shown;

use billing_fiat::Money;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    method::Method,
    objects::{Object, Span, argument},
    read,
    receipt::{self, Lines},
    refusal::Refusal,
    shop::Shop,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    WaitingForCapture,
    Succeeded,
    Canceled,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::WaitingForCapture => "waiting_for_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) amount: Money,
    captures_at_once: bool,
    saves_method: bool,
    description: Option<String>,
    customer: Option<String>,
    metadata: Value,
    created_at: OffsetDateTime,
    captured_at: Option<OffsetDateTime>,
    /// Of the payer's time, later of the hold.
    ends_at: OffsetDateTime,
    /// As it is answered.
    confirmation: Option<Value>,
    method: Option<Value>,
    /// Given back.
    pub(super) refunded: i64,
    /// Of refunds that are not decided.
    pub(super) refunding: i64,
    lines: Option<Lines>,
    pub(super) receipt: Option<String>,
    canceled: Option<String>,
}

impl Object for Payment {
    fn id(&self) -> &str {
        &self.id
    }

    fn created_at(&self) -> OffsetDateTime {
        self.created_at
    }
}

impl Payment {
    pub(super) const fn left(&self) -> i64 {
        self.amount.minor() - self.refunded - self.refunding
    }

    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        matches!(self.status, Status::Pending | Status::WaitingForCapture) && self.ends_at <= now
    }

    fn paid(&self) -> bool {
        matches!(self.status, Status::WaitingForCapture | Status::Succeeded)
    }
}

impl Shop {
    pub(super) fn create_payment(&mut self, body: &Value) -> Result<Value, Refusal> {
        let amount = read::money(body, "amount")?;
        let (id, now) = (Uuid::now_v7().to_string(), self.now());
        let lines = receipt::lines(body, amount)?;
        let mut payment = Payment {
            confirmation: self.confirmation(body, &id)?,
            id: id.clone(),
            status: Status::Pending,
            amount,
            captures_at_once: read::flag(body, "capture")?,
            saves_method: read::flag(body, "save_payment_method")?,
            description: read::text(body, "description", 128)?.map(str::to_owned),
            customer: read::text(body, "merchant_customer_id", 200)?.map(str::to_owned),
            metadata: read::metadata(body)?,
            created_at: now,
            captured_at: None,
            ends_at: now + self.options.payer_time,
            method: None,
            refunded: 0,
            refunding: 0,
            lines,
            receipt: None,
            canceled: None,
        };
        let Some(method) = read::text(body, "payment_method_id", 64)? else {
            if payment.confirmation.is_none() {
                return Err(Refusal::invalid("confirmation", "Missing, and nothing pays without the payer"));
            }
            self.payments.push(payment);
            return self.payment(&id).ok_or_else(Refusal::internal);
        };
        let method = self.methods.get_mut(method).filter(|method| method.saved);
        let method = method.ok_or_else(|| Refusal::invalid("payment_method_id", "No such saved payment method"))?;
        payment.method = Some(method.json());
        payment.confirmation = None;
        let refused = method.charged().or_else(|| self.declines.pop_front());
        self.payments.push(payment);
        match refused {
            Some(reason) => self.end(&id, &reason),
            None => self.take(&id),
        }
        self.payment(&id).ok_or_else(Refusal::internal)
    }

    fn confirmation(&self, body: &Value, id: &str) -> Result<Option<Value>, Refusal> {
        let wished = &body["confirmation"];
        let url = format!("{}/pay/{id}", self.address);
        let back = || match read::text(wished, "return_url", 2048) {
            Ok(Some(url)) if !url.is_empty() => Ok(url),
            Ok(_) => Err(Refusal::invalid("confirmation.return_url", "Missing")),
            Err(_) => Err(Refusal::invalid("confirmation.return_url", "Not a string of 2048 characters at most")),
        };
        Ok(Some(match wished["type"].as_str() {
            None if wished.is_null() => return Ok(None),
            Some("redirect") => json!({ "type": "redirect", "return_url": back()?, "confirmation_url": url }),
            Some("mobile_application") => {
                back()?;
                json!({ "type": "mobile_application", "confirmation_url": url })
            }
            Some("embedded") => json!({ "type": "embedded", "confirmation_token": format!("ct-{id}") }),
            Some("qr") => json!({ "type": "qr", "confirmation_data": url }),
            Some("external") => json!({ "type": "external" }),
            _ => return Err(Refusal::invalid("confirmation.type", "No such type")),
        }))
    }

    /// As it stands now.
    pub(super) fn payment(&mut self, id: &str) -> Option<Value> {
        self.expire_if_due(id);
        self.payments.get(id).map(|payment| self.payment_json(payment))
    }

    pub(super) fn list_payments(&mut self, query: &[(String, String)]) -> Result<Value, Refusal> {
        self.expire_all();
        let captured = Span::of(query, "captured_at")?;
        let (status, method) = (argument(query, "status"), argument(query, "payment_method"));
        let keep = |payment: &Payment| {
            let type_is = |code| payment.method.as_ref().is_some_and(|method| method["type"] == code);
            (captured.is_open() || payment.captured_at.is_some_and(|at| captured.holds(at)))
                && status.is_none_or(|status| payment.status.as_str() == status)
                && method.is_none_or(type_is)
        };
        self.payments.page(query, keep, |payment| self.payment_json(payment))
    }

    pub(super) fn capture_payment(&mut self, id: &str, body: &Value) -> Result<Value, Refusal> {
        self.expire_if_due(id);
        let payment = self.payments.get(id).ok_or_else(|| Refusal::not_found("Payment"))?;
        let held = payment.amount;
        let amount = if body["amount"].is_null() { held } else { read::money(body, "amount")? };
        if payment.status != Status::WaitingForCapture {
            return Err(Refusal::state(format!("A payment that is {} is not captured", payment.status.as_str())));
        }
        if amount.currency() != held.currency() || amount.minor() > held.minor() {
            return Err(Refusal::invalid("amount", "More than is held, or of another currency"));
        }
        let lines = receipt::lines(body, amount)?.or_else(|| payment.lines.clone());
        if lines.as_ref().is_some_and(|lines| !lines.add_up_to(amount)) {
            return Err(Refusal::invalid("receipt", "The receipt is of another amount than what is captured"));
        }
        if let Some(payment) = self.payments.get_mut(id) {
            payment.amount = amount;
            payment.lines = lines;
        }
        self.succeed(id);
        self.payment(id).ok_or_else(Refusal::internal)
    }

    pub(super) fn cancel_payment(&mut self, id: &str) -> Result<Value, Refusal> {
        self.expire_if_due(id);
        let status = self.payments.get(id).ok_or_else(|| Refusal::not_found("Payment"))?.status;
        if status != Status::WaitingForCapture {
            return Err(Refusal::state(format!("A payment that is {} is not canceled", status.as_str())));
        }
        self.end(id, "canceled_by_merchant");
        self.payment(id).ok_or_else(Refusal::internal)
    }

    /// The payer pays on the page. Whether that was still possible.
    pub(super) fn pay(&mut self, id: &str) -> bool {
        self.expire_if_due(id);
        let Some(payment) = self.payments.get_mut(id).filter(|payment| payment.status == Status::Pending) else {
            return false;
        };
        // The vendor gives a method the id of the payment that it was first used for.
        let method = Method::new(id.to_owned(), payment.saves_method);
        payment.method = Some(method.json());
        if method.saved {
            self.methods.insert(method.id.clone(), method);
        }
        self.take(id);
        true
    }

    /// Whether it was still possible.
    pub(super) fn decline(&mut self, id: &str, reason: &str) -> bool {
        self.expire_if_due(id);
        let open = self.payments.get(id).is_some_and(|payment| payment.status == Status::Pending);
        if open {
            self.end(id, reason);
        }
        open
    }

    /// Nobody pays, or nobody captures. Whether there was something to wait for.
    pub(super) fn expire(&mut self, id: &str) -> bool {
        let reason = match self.payments.get(id).map(|payment| payment.status) {
            Some(Status::Pending) => "expired_on_confirmation",
            Some(Status::WaitingForCapture) => "expired_on_capture",
            _ => return false,
        };
        self.end(id, reason);
        true
    }

    pub(super) fn expire_if_due(&mut self, id: &str) {
        if self.payments.get(id).is_some_and(|payment| payment.is_due(self.now())) {
            self.expire(id);
        }
    }

    /// The money is there: it is held, or at once ours.
    fn take(&mut self, id: &str) {
        let ends_at = self.now() + self.options.hold;
        let Some(payment) = self.payments.get_mut(id) else { return };
        payment.confirmation = None;
        if payment.captures_at_once {
            return self.succeed(id);
        }
        payment.status = Status::WaitingForCapture;
        payment.ends_at = ends_at;
        self.tell_of(id, "payment.waiting_for_capture");
    }

    fn succeed(&mut self, id: &str) {
        let now = self.now();
        let Some(payment) = self.payments.get_mut(id) else { return };
        payment.status = Status::Succeeded;
        payment.captured_at = Some(now);
        let (amount, lines) = (payment.amount, payment.lines.clone());
        if let Some(lines) = lines {
            let receipt = self.print(lines, amount, id, None);
            if let Some(payment) = self.payments.get_mut(id) {
                payment.receipt = Some(receipt);
            }
        }
        self.tell_of(id, "payment.succeeded");
    }

    fn end(&mut self, id: &str, reason: &str) {
        let Some(payment) = self.payments.get_mut(id) else { return };
        payment.status = Status::Canceled;
        payment.confirmation = None;
        payment.canceled = Some(reason.to_owned());
        self.tell_of(id, "payment.canceled");
    }

    fn tell_of(&mut self, id: &str, event: &'static str) {
        if let Some(object) = self.payments.get(id).map(|payment| self.payment_json(payment)) {
            self.tell(event, object);
        }
    }

    pub(super) fn all_payments(&mut self) -> Vec<Value> {
        self.expire_all();
        self.payments.iter().map(|payment| self.payment_json(payment)).collect()
    }
}
