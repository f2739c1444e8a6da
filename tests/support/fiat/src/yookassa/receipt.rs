//! Receipts under 54-FZ.

use billing_fiat::Money;
use serde_json::{Number, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    objects::{Object, argument, instant},
    read,
    refusal::Refusal,
    shop::Shop,
};

/// What a payment, a capture or a refund says of its receipt.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    items: Vec<Value>,
    tax_system_code: Value,
    /// `None` where a line does not come to whole kopecks.
    sum: Option<i64>,
}

impl Lines {
    pub(super) fn add_up_to(&self, amount: Money) -> bool {
        self.sum.is_none_or(|sum| sum == amount.minor())
    }
}

#[derive(Debug)]
pub(super) struct Receipt {
    id: String,
    payment: Option<String>,
    refund: Option<String>,
    lines: Lines,
    settlements: Value,
    created_at: OffsetDateTime,
    due_at: OffsetDateTime,
    pub(super) failed: bool,
}

impl Object for Receipt {
    fn id(&self) -> &str {
        &self.id
    }

    fn created_at(&self) -> OffsetDateTime {
        self.created_at
    }
}

impl Receipt {
    pub(super) fn status(&self, now: OffsetDateTime) -> &'static str {
        match self.failed {
            true => "canceled",
            false if self.due_at <= now => "succeeded",
            false => "pending",
        }
    }

    fn json(&self, now: OffsetDateTime) -> Value {
        let mut out = json!({
            "id": self.id,
            "type": if self.refund.is_some() { "refund" } else { "payment" },
            "status": self.status(now),
            "items": self.lines.items,
            "settlements": self.settlements,
        });
        let mut set = |name: &str, value: Value| out[name] = value;
        if let Some(payment) = &self.payment {
            set("payment_id", json!(payment));
        }
        if let Some(refund) = &self.refund {
            set("refund_id", json!(refund));
        }
        if !self.lines.tax_system_code.is_null() {
            set("tax_system_code", self.lines.tax_system_code.clone());
        }
        if self.status(now) == "succeeded" {
            set("fiscal_document_number", json!("3986"));
            set("fiscal_storage_number", json!("9288000100115785"));
            set("fiscal_attribute", json!("2617603921"));
            set("fiscal_provider_id", json!(self.id.trim_start_matches("rt-")));
            set("registered_at", json!(instant(self.due_at)));
        }
        out
    }
}

/// `None` without a receipt.
pub(super) fn lines(body: &Value, amount: Money) -> Result<Option<Lines>, Refusal> {
    let receipt = &body["receipt"];
    if receipt.is_null() {
        return Ok(None);
    }
    let lines = read_lines(receipt, "receipt.")?;
    if !lines.add_up_to(amount) {
        return Err(Refusal::invalid("receipt", "The lines do not add up to the amount"));
    }
    Ok(Some(lines))
}

fn read_lines(receipt: &Value, prefix: &str) -> Result<Lines, Refusal> {
    let invalid = |name: &str, what: &str| Refusal::invalid(format!("{prefix}{name}"), what);
    let customer = &receipt["customer"];
    if customer["email"].as_str().or(customer["phone"].as_str()).is_none() {
        return Err(invalid("customer", "Neither email nor phone"));
    }
    let items = receipt["items"].as_array().filter(|items| (1..=100).contains(&items.len()));
    let items = items.ok_or_else(|| invalid("items", "Must be from 1 to 100"))?;
    let (mut sum, mut kept) = (Some(0_i64), Vec::with_capacity(items.len()));
    for item in items {
        let price = read::money(item, "amount")?;
        let described = read::text(item, "description", 128)?.is_some_and(|text| !text.is_empty());
        let taxed = item["vat_code"].as_u64().is_some_and(|code| (1..=12).contains(&code));
        // A number by the document; the vendor's own clients send it as text.
        let quantity = item["quantity"].as_str().map_or_else(|| item["quantity"].to_string(), str::to_owned);
        let Some(quantity) = quantity.parse::<Number>().ok().filter(|_| described && taxed) else {
            return Err(invalid("items", "A line without description, quantity or vat_code"));
        };
        let cost = thousandths(&quantity.to_string()).and_then(|count| price.minor().checked_mul(count));
        let cost = cost.filter(|cost| cost % 1_000 == 0).map(|cost| cost / 1_000);
        let mut item = item.clone();
        item["quantity"] = Value::Number(quantity);
        kept.push(item);
        sum = sum.and_then(|sum| sum.checked_add(cost?));
    }
    Ok(Lines { items: kept, tax_system_code: receipt["tax_system_code"].clone(), sum })
}

/// Of a decimal number with three digits at most behind the point.
fn thousandths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part: i64 = format!("{part:0<3}").parse().ok().filter(|part| *part < 1_000)?;
    whole.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(part)
}

impl Shop {
    /// A receipt of money that came or went; its id.
    pub(super) fn print(&mut self, lines: Lines, amount: Money, payment: &str, refund: Option<&str>) -> String {
        let settlements = json!([{ "type": "cashless", "amount": read::money_json(amount) }]);
        self.add_receipt(lines, settlements, Some(payment), refund)
    }

    fn add_receipt(&mut self, lines: Lines, settlements: Value, payment: Option<&str>, refund: Option<&str>) -> String {
        let (id, now) = (format!("rt-{}", Uuid::now_v7()), self.now());
        self.receipts.push(Receipt {
            id: id.clone(),
            payment: payment.map(str::to_owned),
            refund: refund.map(str::to_owned),
            lines,
            settlements,
            created_at: now,
            due_at: now + self.options.receipt_delay,
            failed: false,
        });
        id
    }

    pub(super) fn create_receipt(&mut self, body: &Value) -> Result<Value, Refusal> {
        let lines = read_lines(body, "")?;
        let (payment, refund) = (read::text(body, "payment_id", 36)?, read::text(body, "refund_id", 36)?);
        let known = match body["type"].as_str() {
            Some("payment") => payment.is_some_and(|id| self.payments.get(id).is_some()) && refund.is_none(),
            Some("refund") => refund.is_some_and(|id| self.refunds.get(id).is_some()),
            _ => return Err(Refusal::invalid("type", "Must be payment or refund")),
        };
        if !known {
            return Err(Refusal::invalid("payment_id", "No such payment or refund"));
        }
        let settlements = body["settlements"].as_array().filter(|settlements| !settlements.is_empty());
        let settlements = settlements.ok_or_else(|| Refusal::invalid("settlements", "Missing"))?;
        for settlement in settlements {
            read::money(settlement, "amount")?;
        }
        let id = self.add_receipt(lines, json!(settlements), payment, refund);
        self.receipt(&id).ok_or_else(Refusal::internal)
    }

    pub(super) fn receipt(&self, id: &str) -> Option<Value> {
        self.receipts.get(id).map(|receipt| receipt.json(self.now()))
    }

    pub(super) fn all_receipts(&self) -> Vec<Value> {
        self.receipts.iter().map(|receipt| receipt.json(self.now())).collect()
    }

    pub(super) fn list_receipts(&self, query: &[(String, String)]) -> Result<Value, Refusal> {
        let now = self.now();
        let [payment, refund, status] = ["payment_id", "refund_id", "status"].map(|name| argument(query, name));
        let keep = |receipt: &Receipt| {
            payment.is_none_or(|id| receipt.payment.as_deref() == Some(id) && receipt.refund.is_none())
                && refund.is_none_or(|id| receipt.refund.as_deref() == Some(id))
                && status.is_none_or(|status| receipt.status(now) == status)
        };
        self.receipts.page(query, keep, |receipt| receipt.json(now))
    }
}
