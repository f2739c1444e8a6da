//! What the routes of payments share.

use axum::http::StatusCode;
use billing_core::{
    ledger::LedgerError,
    payments::{Bought, Payment, PaymentError, Purpose},
};
use billing_fiat::{Money, ReceiptStatus};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::{self, Problem};

/// Characters of an owner at most.
const OWNER_MAX: usize = 128;

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentAnswer {
    payment_id: Uuid,
    provider: String,
    owner: String,
    /// `topup` or `period`.
    purpose: &'static str,
    /// `created`: the provider was not heard yet; `pending`, `authorized`, `succeeded` or `canceled`.
    status: &'static str,
    #[serde(flatten)]
    price: Price,
    /// Credits that it gives; null where it pays a period.
    bought: Option<BoughtAnswer>,
    /// Where the payer goes; null when there is nothing to do, or the provider was not heard yet.
    confirmation_url: Option<String>,
    /// The kept method that it is charged to.
    payment_method_id: Option<Uuid>,
    /// Why it came to nothing: `insufficient_funds`, `declined`, `unavailable`, `fraud_suspected`, `authentication_required`,
    /// `method_invalid`, `method_revoked`, `expired`, `by_merchant` or `other`.
    cancel_reason: Option<&'static str>,
    /// The provider's own word for it.
    cancel_code: Option<String>,
    /// What the provider keeps, smallest unit; null as long as it does not say.
    fee_minor: Option<i64>,
    /// `pending`, `succeeded` or `canceled`; null without a receipt.
    receipt_status: Option<&'static str>,
    /// No real money.
    test: bool,
    /// An answer of the provider's that contradicts this: nothing is booked on it. A later one that agrees clears it.
    trouble: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was booked.
    #[serde(with = "time::serde::rfc3339::option")]
    succeeded_at: Option<OffsetDateTime>,
}

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Price {
    /// ISO 4217.
    currency: &'static str,
    /// Smallest unit.
    amount_minor: i64,
    /// The same for people: `1000.00`.
    amount: String,
}

impl From<Money> for Price {
    fn from(money: Money) -> Self {
        Self { currency: money.currency().code(), amount_minor: money.minor(), amount: money.decimal() }
    }
}

/// Credits that are given for a payment.
#[derive(Debug, Serialize, ToSchema)]
struct BoughtAnswer {
    pack_id: String,
    asset: String,
    /// Smallest unit of the asset, decimal.
    credits: String,
    /// Days from the payment on; null for ever.
    expires_days: Option<u16>,
}

impl From<Bought> for BoughtAnswer {
    fn from(bought: Bought) -> Self {
        let Bought { pack, asset, credits, expires_days } = bought;
        Self { pack_id: pack, asset, credits: credits.to_string(), expires_days }
    }
}

impl From<Payment> for PaymentAnswer {
    fn from(payment: Payment) -> Self {
        let (purpose, bought) = match payment.purpose {
            Purpose::TopUp(bought) => ("topup", Some(bought.into())),
            Purpose::Period => ("period", None),
        };
        let receipt = |status| match status {
            ReceiptStatus::Pending => "pending",
            ReceiptStatus::Succeeded => "succeeded",
            ReceiptStatus::Canceled => "canceled",
        };
        Self {
            payment_id: payment.id.0,
            provider: payment.provider,
            owner: payment.owner,
            purpose,
            status: payment.status.as_str(),
            price: payment.amount.into(),
            bought,
            confirmation_url: payment.action_url,
            payment_method_id: payment.method.map(|id| id.0),
            cancel_reason: payment.canceled.as_ref().map(|canceled| canceled.reason.as_str()),
            cancel_code: payment.canceled.map(|canceled| canceled.code),
            fee_minor: payment.fee_minor,
            receipt_status: payment.receipt_status.map(receipt),
            test: payment.test,
            trouble: payment.trouble,
            created_at: payment.created_at,
            succeeded_at: payment.succeeded_at,
        }
    }
}

/// 422 for a text that is empty, too long, or not one line.
pub(super) fn line(field: &str, text: &str, most: usize) -> Result<(), Problem> {
    if (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::field(field, format!("must be 1 to {most} characters, none of them a control character")))
}

/// 422 for what names nobody.
pub(super) fn owner(owner: &str) -> Result<(), Problem> {
    line("owner", owner, OWNER_MAX)
}

/// 404 for a payment.
pub(super) fn no_payment() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "payment-not-found", "There is no such payment")
}

/// 404 for a method of payment.
pub(super) fn no_method() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "payment-method-not-found", "There is no such method of payment")
}

/// 409 for a key.
pub(super) fn other_request() -> Problem {
    Problem::new(StatusCode::CONFLICT, "idempotency-key-reused", "This key was used to ask for something else")
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        let conflict =
            |name, title, error: &PaymentError| Self::new(StatusCode::CONFLICT, name, title).detail(error.to_string());
        match error {
            PaymentError::NoProvider(_) | PaymentError::Incapable { .. } => Self::field("provider", error),
            PaymentError::NoPayment(_) => no_payment(),
            PaymentError::NoMethod(_) => no_method(),
            PaymentError::Differs => other_request(),
            PaymentError::NotPaid(_) => conflict("payment-not-paid", "The payment was not paid", &error),
            PaymentError::NotRefundable { .. } => {
                conflict("not-refundable", "That much of the payment cannot be given back", &error)
            }
            PaymentError::Webhook(error) => error.into(),
            PaymentError::Provider(error) => {
                tracing::warn!(%error, "a provider does not answer as it should");
                Self::new(StatusCode::BAD_GATEWAY, "provider-unavailable", "The provider could not be asked")
            }
            PaymentError::Db(error) | PaymentError::Ledger(LedgerError::Db(error)) => error.into(),
            error @ (PaymentError::Refused(_) | PaymentError::Ledger(_)) => problem::logged(&error),
        }
    }
}
