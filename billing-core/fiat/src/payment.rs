//! What is asked of a provider, and how it says that things stand.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Buyer, Money, Receipt, ReceiptStatus};

/// A payment to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    /// Our id, stored before the first try: the provider keeps it with the payment, and it is the idempotency key.
    pub reference: Uuid,
    /// How much.
    pub amount: Money,
    /// What the payer reads; up to 128 characters.
    pub description: String,
    /// How it is paid.
    pub pays: Pays,
    /// When the money is taken.
    pub capture: Capture,
    /// Where letters about it go.
    pub buyer: Buyer,
    /// To be registered with the tax service; only where the provider can do that.
    pub receipt: Option<Receipt>,
}

/// How a payment is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pays {
    /// On the provider's page.
    OnPage {
        /// Where the payer is sent afterwards.
        return_url: String,
        /// Whether the method is kept, so that later payments need nobody.
        save_method: bool,
    },
    /// With a kept method, nobody being there: [`SavedMethod::external_id`].
    WithSaved(String),
}

/// When money is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// As soon as it is paid.
    AtOnce,
    /// It is only held until it is captured or canceled.
    Later,
}

/// A payment, as the provider has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The provider's id: what [`crate::FiatProvider::payment`] is asked for.
    pub external_id: String,
    /// What refunds and disputes name it by, where that is another id than the first; known once it is paid.
    pub charge_id: Option<String>,
    /// [`NewPayment::reference`]; `None` for one that we did not make, or that somebody changed.
    pub reference: Option<Uuid>,
    /// What is, or was to be, paid. Of a part that was captured: that part.
    pub amount: Money,
    /// How it stands.
    pub outcome: Outcome,
    /// What was given back of it, in the smallest unit.
    pub refunded_minor: i64,
    /// What the provider keeps, in the smallest unit; `None` as long as it does not say.
    pub fee_minor: Option<i64>,
    /// A method that can be used again.
    pub saved_method: Option<SavedMethod>,
    /// Of its receipt; `None` without one.
    pub receipt: Option<ReceiptStatus>,
    /// By the provider's clock.
    pub created_at: OffsetDateTime,
    /// No real money.
    pub test: bool,
}

/// How a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not decided yet, and nobody has to do anything.
    Pending,
    /// The payer has to go there.
    RequiresAction {
        /// The page.
        url: String,
    },
    /// The money is held: capture it, or give it back.
    Authorized {
        /// When it is given back by itself.
        expires_at: Option<OffsetDateTime>,
    },
    /// Paid. Final.
    Succeeded,
    /// Never will be. Final.
    Canceled(Canceled),
}

/// Why a payment came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canceled {
    /// For rules.
    pub reason: CancelReason,
    /// The provider's word.
    pub code: String,
}

/// Why a payment came to nothing, in one vocabulary for all providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelReason {
    /// Too little money, or past a limit of the card's.
    InsufficientFunds,
    /// The bank said no, and not why.
    Declined,
    /// The bank or the provider cannot answer; another time it may.
    Unavailable,
    /// It looked like fraud.
    FraudSuspected,
    /// The payer must confirm it in person.
    AuthenticationRequired,
    /// The card is over, or not what it was.
    MethodInvalid,
    /// The payer took back the permission to charge it.
    MethodRevoked,
    /// Nobody paid, or nobody captured, in time.
    Expired,
    /// We canceled it.
    ByMerchant,
    /// Something else.
    Other,
}

impl CancelReason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::InsufficientFunds,
        Self::Declined,
        Self::Unavailable,
        Self::FraudSuspected,
        Self::AuthenticationRequired,
        Self::MethodInvalid,
        Self::MethodRevoked,
        Self::Expired,
        Self::ByMerchant,
        Self::Other,
    ];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
            Self::Declined => "declined",
            Self::Unavailable => "unavailable",
            Self::FraudSuspected => "fraud_suspected",
            Self::AuthenticationRequired => "authentication_required",
            Self::MethodInvalid => "method_invalid",
            Self::MethodRevoked => "method_revoked",
            Self::Expired => "expired",
            Self::ByMerchant => "by_merchant",
            Self::Other => "other",
        }
    }

    /// By the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Whether the saved method will never pay again.
    #[must_use]
    pub const fn ends_method(self) -> bool {
        matches!(self, Self::MethodInvalid | Self::MethodRevoked)
    }
}

/// A method of payment that can be used again without the payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedMethod {
    /// The provider's id, whole: it is handed back as it is.
    pub external_id: String,
    /// For the payer to know it by: `Visa *4444`.
    pub title: String,
}

/// Money to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// Our id, stored before the first try; the idempotency key.
    pub reference: Uuid,
    /// [`Payment::external_id`].
    pub payment: String,
    /// [`Payment::charge_id`].
    pub charge: Option<String>,
    /// Of the payment's currency, and no more than is left of it.
    pub amount: Money,
    /// Why; up to 250 characters.
    pub description: String,
    /// To be registered with the tax service.
    pub receipt: Option<Receipt>,
}

/// A refund, as the provider has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The provider's id.
    pub external_id: String,
    /// Of the payment: its `external_id` or its `charge_id`.
    pub payment: String,
    /// [`NewRefund::reference`]; `None` for one that was made in the provider's own pages.
    pub reference: Option<Uuid>,
    /// How much.
    pub amount: Money,
    /// How it stands.
    pub outcome: RefundOutcome,
    /// By the provider's clock.
    pub created_at: OffsetDateTime,
}

/// How a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// Not decided yet.
    Pending,
    /// Given back. Final.
    Succeeded,
    /// Never will be. Final.
    Canceled {
        /// The provider's word.
        code: String,
    },
}

/// A payer's bank asks a payment back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The provider's id.
    pub external_id: String,
    /// Of the payment: its `charge_id`.
    pub payment: String,
    /// How much.
    pub amount: Money,
    /// How it stands.
    pub status: DisputeStatus,
    /// What the provider takes for it, in the smallest unit.
    pub fee_minor: i64,
    /// The provider's word for why.
    pub reason: String,
}

/// How a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeStatus {
    /// The money is gone for now.
    Open,
    /// It came back.
    Won,
    /// It is gone.
    Lost,
}

/// What is listed: made from `since` on and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First instant.
    pub since: OffsetDateTime,
    /// First instant past it.
    pub until: OffsetDateTime,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In the provider's order.
    pub items: Vec<T>,
    /// What the next part is asked with; `None` for the last.
    pub next: Option<String>,
}
