//! A payment as we have it.

use billing_fiat::{Buyer, CancelReason, Canceled, Currency, Money, ReceiptStatus};
use time::OffsetDateTime;

use crate::{
    ids::{PaymentId, PaymentMethodId},
    ledger::Amount,
};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Who asks, and by which key: asked again, it is answered the same.
    pub asked: Asked,
    /// Name of the provider.
    pub provider: String,
    /// Whose payment: `telegram:42`, a wallet's address, ...
    pub owner: String,
    /// How much.
    pub amount: Money,
    /// For what.
    pub purpose: Purpose,
    /// How it is paid.
    pub pays: Pays,
    /// What the payer reads; up to 128 characters.
    pub description: String,
    /// Where receipts and letters go.
    pub buyer: Buyer,
    /// The receipt's line, where one must be registered.
    pub receipt: Option<ReceiptTerms>,
}

/// Who asks for something, and by which key of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Name of a service, or of a room of ours.
    pub by: String,
    /// Made by the caller and kept until it is answered; up to 255 characters.
    pub key: String,
}

/// What a payment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Credits.
    TopUp(Bought),
    /// A period of a subscription.
    Period,
}

/// Credits that are given for a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// The pack.
    pub pack: String,
    /// Which credits.
    pub asset: String,
    /// How many.
    pub credits: Amount,
    /// For how many days from the payment on; `None` for ever.
    pub expires_days: Option<u16>,
}

/// How a payment is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pays {
    /// On the provider's page.
    OnPage {
        /// Where the payer is sent afterwards.
        return_url: String,
        /// Whether the method is kept.
        save_method: bool,
    },
    /// With a kept method, and only held until somebody says that it is to be taken.
    HeldOnSaved(PaymentMethodId),
}

/// Codes of a receipt's line under 54-FZ.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReceiptTerms {
    /// 1 to 12 today.
    pub vat_code: u8,
    /// `service`, ...
    pub payment_subject: String,
    /// `full_prepayment`, ...
    pub payment_mode: String,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Written here; the provider may know nothing of it.
    Created,
    /// The provider knows it; nothing is decided.
    Pending,
    /// The money is held.
    Authorized,
    /// Paid, and booked.
    Succeeded,
    /// It will not be paid.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Created, Self::Pending, Self::Authorized, Self::Succeeded, Self::Canceled];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Authorized => "authorized",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }

    /// By the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the provider still has something to say.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Succeeded | Self::Canceled)
    }
}

/// What is done with money that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Nothing yet.
    Hold,
    /// It is taken.
    Capture,
    /// It is given back.
    Release,
}

impl Intent {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Hold, Self::Capture, Self::Release].into_iter().find(|intent| intent.as_str() == word)
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Ours: the provider has it as its reference, the ledger as the id of what was given for it.
    pub id: PaymentId,
    /// Name of the provider.
    pub provider: String,
    /// Whose.
    pub owner: String,
    /// What for.
    pub purpose: Purpose,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: Status,
    /// How it is paid.
    pub method: Option<PaymentMethodId>,
    /// Whether the method is kept.
    pub save_method: bool,
    /// The one that was kept.
    pub kept: Option<PaymentMethodId>,
    /// Where the payer is sent afterwards.
    pub return_url: Option<String>,
    /// What the payer reads.
    pub description: String,
    /// Where receipts and letters go.
    pub buyer: Buyer,
    /// Codes of the receipt's line.
    pub receipt: Option<ReceiptTerms>,
    /// What is done with held money.
    pub intent: Intent,
    /// The provider's id.
    pub external_id: Option<String>,
    /// What refunds and disputes name it by.
    pub charge_id: Option<String>,
    /// Where the payer has to go.
    pub action_url: Option<String>,
    /// Why it came to nothing.
    pub canceled: Option<Canceled>,
    /// What the provider keeps.
    pub fee_minor: Option<i64>,
    /// Of its receipt.
    pub receipt_status: Option<ReceiptStatus>,
    /// No real money.
    pub test: bool,
    /// An answer of the provider's that contradicts this row: nothing is booked on it, and nobody asks again by themselves. A later one that
    /// agrees clears it.
    pub trouble: Option<String>,
    /// When it was first sent.
    pub sent_at: Option<OffsetDateTime>,
    /// How often it was looked at in vain.
    pub looks: u32,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it was booked.
    pub succeeded_at: Option<OffsetDateTime>,
}

pub(super) fn money(minor: i64, currency: &str) -> Option<Money> {
    Money::new(minor, currency.parse::<Currency>().ok()?).ok()
}

pub(super) fn canceled(reason: Option<&str>, code: Option<String>) -> Option<Canceled> {
    let reason = CancelReason::from_word(reason?)?;
    Some(Canceled { reason, code: code.unwrap_or_default() })
}

pub(super) const fn receipt_word(status: ReceiptStatus) -> &'static str {
    match status {
        ReceiptStatus::Pending => "pending",
        ReceiptStatus::Succeeded => "succeeded",
        ReceiptStatus::Canceled => "canceled",
    }
}

pub(super) fn receipt_from_word(word: &str) -> Option<ReceiptStatus> {
    [ReceiptStatus::Pending, ReceiptStatus::Succeeded, ReceiptStatus::Canceled]
        .into_iter()
        .find(|status| receipt_word(*status) == word)
}
