//! What is sent.

use serde::Serialize;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::{Capture, Money, NewPayment, NewRefund, Pays, Receipt, ReceiptItem, Window};

/// Characters of a payment's description, and of a line of a receipt.
const DESCRIPTION: usize = 128;

/// Characters of why money is given back.
const REFUND_DESCRIPTION: usize = 250;

/// The most that one part of a list holds.
const PART: &str = "100";

#[derive(Serialize)]
struct Amount {
    value: String,
    currency: &'static str,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { value: money.decimal(), currency: money.currency().code() }
    }
}

#[derive(Serialize)]
pub(super) struct PaymentRequest<'a> {
    amount: Amount,
    /// Never left out: without it money would only be held.
    capture: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    metadata: PaymentMetadata,
    #[serde(flatten)]
    pays: PaysWith<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptBody<'a>>,
}

#[derive(Serialize)]
struct PaymentMetadata {
    payment_id: Uuid,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PaysWith<'a> {
    Page { confirmation: Confirmation<'a>, save_payment_method: bool },
    Saved { payment_method_id: &'a str },
}

#[derive(Serialize)]
struct Confirmation<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    return_url: &'a str,
}

impl<'a> PaymentRequest<'a> {
    pub(super) fn new(payment: &'a NewPayment) -> Self {
        let pays = match &payment.pays {
            Pays::OnPage { return_url, save_method } => PaysWith::Page {
                confirmation: Confirmation { kind: "redirect", return_url },
                save_payment_method: *save_method,
            },
            Pays::WithSaved(method) => PaysWith::Saved { payment_method_id: method },
        };
        Self {
            amount: payment.amount.into(),
            capture: payment.capture == Capture::AtOnce,
            description: cut(&payment.description, DESCRIPTION),
            metadata: PaymentMetadata { payment_id: payment.reference },
            pays,
            receipt: payment.receipt.as_ref().map(ReceiptBody::new),
        }
    }
}

#[derive(Serialize)]
pub(super) struct CaptureRequest {
    amount: Amount,
}

impl CaptureRequest {
    pub(super) fn new(amount: Money) -> Self {
        Self { amount: amount.into() }
    }
}

#[derive(Serialize)]
pub(super) struct RefundRequest<'a> {
    payment_id: &'a str,
    amount: Amount,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    metadata: RefundMetadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptBody<'a>>,
}

#[derive(Serialize)]
struct RefundMetadata {
    refund_id: Uuid,
}

impl<'a> RefundRequest<'a> {
    pub(super) fn new(refund: &'a NewRefund) -> Self {
        Self {
            payment_id: &refund.payment,
            amount: refund.amount.into(),
            description: cut(&refund.description, REFUND_DESCRIPTION),
            metadata: RefundMetadata { refund_id: refund.reference },
            receipt: refund.receipt.as_ref().map(ReceiptBody::new),
        }
    }
}

#[derive(Serialize)]
struct ReceiptBody<'a> {
    customer: Customer<'a>,
    items: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_system_code: Option<u8>,
}

#[derive(Serialize)]
struct Customer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

#[derive(Serialize)]
struct Item<'a> {
    description: &'a str,
    quantity: u32,
    /// Pieces; tills that follow FFD 1.2 want it said.
    measure: &'static str,
    /// Of one piece.
    amount: Amount,
    vat_code: u8,
    payment_subject: &'a str,
    payment_mode: &'a str,
}

impl<'a> ReceiptBody<'a> {
    fn new(receipt: &'a Receipt) -> Self {
        let customer = Customer { email: receipt.buyer.email.as_deref(), phone: receipt.buyer.phone.as_deref() };
        let items = receipt.items.iter().map(Item::new).collect();
        Self { customer, items, tax_system_code: receipt.tax_system_code }
    }
}

impl<'a> Item<'a> {
    fn new(item: &'a ReceiptItem) -> Self {
        Self {
            description: cut(&item.description, DESCRIPTION),
            quantity: item.quantity,
            measure: "piece",
            amount: item.price.into(),
            vat_code: item.vat_code,
            payment_subject: &item.payment_subject,
            payment_mode: &item.payment_mode,
        }
    }
}

/// What a part of a list is asked with.
pub(super) fn part(window: Window, cursor: Option<&str>) -> Vec<(&'static str, String)> {
    let mut query = vec![
        ("created_at.gte", instant(window.since)),
        ("created_at.lt", instant(window.until)),
        ("limit", PART.to_owned()),
    ];
    query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
    query
}

/// To the millisecond, which is the provider's own measure: windows that touch stay without gap and overlap.
fn instant(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", u8::from(month))
}

/// The first characters.
fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("оплата", 3), "опл");
        assert_eq!(cut("оплата", 6), "оплата");
        assert_eq!(cut("", 6), "");
    }

    #[test]
    fn instants_are_written_in_utc_to_the_millisecond() {
        assert_eq!(instant(datetime!(2026-03-01 02:30:05.0079 +3)), "2026-02-28T23:30:05.007Z");
    }
}
