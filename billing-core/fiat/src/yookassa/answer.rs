//! What is answered, and what it means. What cannot be read is never guessed: nobody knows then.

use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::client::unknown;
use crate::{
    CancelReason, Canceled, Currency, Money, Outcome, Page, Payment, ProviderError, ReceiptStatus, Refund,
    RefundOutcome, SavedMethod, money::minor_units,
};

#[derive(Deserialize)]
struct Amount {
    value: String,
    currency: String,
}

impl Amount {
    fn currency(&self) -> Result<Currency, ProviderError> {
        self.currency.parse().map_err(|_| unknown("an amount in a currency that is not known".to_owned()))
    }

    fn money(&self) -> Result<Money, ProviderError> {
        Money::parse(&self.value, self.currency()?)
            .map_err(|error| unknown(format!("an amount that cannot be read: it {error}")))
    }

    /// Of an amount that may be nothing, beside one in `currency`.
    fn minor(&self, currency: Currency) -> Result<i64, ProviderError> {
        if self.currency()? != currency {
            return Err(unknown("amounts of one payment in two currencies".to_owned()));
        }
        minor_units(&self.value).ok_or_else(|| unknown("an amount that cannot be read".to_owned()))
    }
}

#[derive(Deserialize)]
pub(super) struct PaymentBody {
    id: String,
    status: Status,
    amount: Amount,
    income_amount: Option<Amount>,
    refunded_amount: Option<Amount>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    confirmation: Option<Confirmation>,
    payment_method: Option<Method>,
    cancellation_details: Option<Cancellation>,
    receipt_registration: Option<Registration>,
    #[serde(default)]
    metadata: Option<Metadata>,
    test: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    WaitingForCapture,
    Succeeded,
    Canceled,
}

#[derive(Deserialize)]
struct Confirmation {
    confirmation_url: Option<String>,
}

#[derive(Deserialize)]
struct Method {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    saved: bool,
    status: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
struct Cancellation {
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Registration {
    Pending,
    Succeeded,
    Canceled,
}

/// Somebody may have put anything there in the shop's own pages.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    payment_id: serde_json::Value,
    #[serde(default)]
    refund_id: serde_json::Value,
}

fn reference(text: &serde_json::Value) -> Option<Uuid> {
    Uuid::parse_str(text.as_str()?).ok()
}

impl PaymentBody {
    pub(super) fn payment(self) -> Result<Payment, ProviderError> {
        let amount = self.amount.money()?;
        let minor = |of: &Option<Amount>| of.as_ref().map(|of| of.minor(amount.currency())).transpose();
        let (income, refunded) = (minor(&self.income_amount)?, minor(&self.refunded_amount)?);
        let outcome = outcome(self.status, self.confirmation, self.expires_at, self.cancellation_details);
        Ok(Payment {
            external_id: self.id,
            charge_id: None,
            reference: self.metadata.as_ref().and_then(|metadata| reference(&metadata.payment_id)),
            amount,
            refunded_minor: refunded.unwrap_or(0),
            // Of money that is only held nothing is kept yet.
            fee_minor: income.filter(|_| outcome == Outcome::Succeeded).map(|income| amount.minor() - income),
            outcome,
            saved_method: self.payment_method.and_then(Method::saved),
            receipt: self.receipt_registration.map(|registration| match registration {
                Registration::Pending => ReceiptStatus::Pending,
                Registration::Succeeded => ReceiptStatus::Succeeded,
                Registration::Canceled => ReceiptStatus::Canceled,
            }),
            created_at: self.created_at,
            test: self.test,
        })
    }
}

fn outcome(
    status: Status,
    confirmation: Option<Confirmation>,
    expires_at: Option<OffsetDateTime>,
    cancellation: Option<Cancellation>,
) -> Outcome {
    match status {
        Status::Pending => confirmation
            .and_then(|confirmation| confirmation.confirmation_url)
            .map_or(Outcome::Pending, |url| Outcome::RequiresAction { url }),
        Status::WaitingForCapture => Outcome::Authorized { expires_at },
        Status::Succeeded => Outcome::Succeeded,
        Status::Canceled => {
            let code = cancellation.map(|details| details.reason).unwrap_or_default();
            Outcome::Canceled(Canceled { reason: reason(&code), code })
        }
    }
}

impl Method {
    fn saved(self) -> Option<SavedMethod> {
        let usable = self.saved && self.status.as_deref().is_none_or(|status| status == "active");
        usable.then(|| SavedMethod { external_id: self.id, title: self.title.unwrap_or(self.kind) })
    }
}

fn reason(code: &str) -> CancelReason {
    match code {
        "insufficient_funds" | "payment_method_limit_exceeded" => CancelReason::InsufficientFunds,
        // A blocked card may be free again tomorrow.
        "general_decline" | "call_issuer" | "payment_method_restricted" | "country_forbidden" => CancelReason::Declined,
        "issuer_unavailable" | "internal_timeout" => CancelReason::Unavailable,
        "fraud_suspected" => CancelReason::FraudSuspected,
        "3d_secure_failed" | "identification_required" => CancelReason::AuthenticationRequired,
        "card_expired" | "invalid_card_number" | "invalid_csc" => CancelReason::MethodInvalid,
        "permission_revoked" => CancelReason::MethodRevoked,
        "expired_on_confirmation" | "expired_on_capture" | "deal_expired" => CancelReason::Expired,
        "canceled_by_merchant" => CancelReason::ByMerchant,
        _ => CancelReason::Other,
    }
}

#[derive(Deserialize)]
pub(super) struct RefundBody {
    id: String,
    payment_id: String,
    status: RefundStatus,
    amount: Amount,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    cancellation_details: Option<Cancellation>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Pending,
    Succeeded,
    Canceled,
}

impl RefundBody {
    pub(super) fn refund(self) -> Result<Refund, ProviderError> {
        Ok(Refund {
            external_id: self.id,
            payment: self.payment_id,
            reference: self.metadata.as_ref().and_then(|metadata| reference(&metadata.refund_id)),
            amount: self.amount.money()?,
            outcome: match self.status {
                RefundStatus::Pending => RefundOutcome::Pending,
                RefundStatus::Succeeded => RefundOutcome::Succeeded,
                RefundStatus::Canceled => {
                    let code = self.cancellation_details.map(|details| details.reason).unwrap_or_default();
                    RefundOutcome::Canceled { code }
                }
            },
            created_at: self.created_at,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct ListBody<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> ListBody<T> {
    pub(super) fn page<U>(self, read: fn(T) -> Result<U, ProviderError>) -> Result<Page<U>, ProviderError> {
        let items = self.items.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, next: self.next_cursor.filter(|cursor| !cursor.is_empty()) })
    }
}
