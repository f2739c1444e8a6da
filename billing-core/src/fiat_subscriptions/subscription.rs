//! A subscription as we have it.

use alloy::primitives::B256;
use billing_fiat::{Buyer, Currency, Money};
use time::OffsetDateTime;

use crate::{
    ids::{FiatSubscriptionId, PaymentId, PaymentMethodId},
    payments::{Asked, ReceiptTerms},
};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFiatSubscription {
    /// Who asks, and by which key: asked again, it is answered the same.
    pub asked: Asked,
    /// The signed plan whose period and price in fiat money it takes.
    pub plan_hash: B256,
    /// Name of the provider.
    pub provider: String,
    /// In what it is paid.
    pub currency: Currency,
    /// Whose: `telegram:42`, ...
    pub owner: String,
    /// Where the payer is sent after the first payment.
    pub return_url: String,
    /// What the payer reads on each payment; up to 128 characters.
    pub description: String,
    /// Where receipts and letters go.
    pub buyer: Buyer,
    /// The receipt's line, where one must be registered.
    pub receipt: Option<ReceiptTerms>,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The first payment is not decided.
    Incomplete,
    /// Paid.
    Active,
    /// A period is over and the next one is not paid.
    PastDue,
    /// Over: its subscriber ended it, or never paid.
    Canceled,
    /// Over: nobody paid for it through all tries.
    Failed,
}

impl Status {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Incomplete, Self::Active, Self::PastDue, Self::Canceled, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == word)
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Canceled | Self::Failed)
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiatSubscription {
    /// Ours.
    pub id: FiatSubscriptionId,
    /// Whose.
    pub owner: String,
    /// The plan.
    pub plan_hash: B256,
    /// Name of the provider.
    pub provider: String,
    /// What is charged; `None` until the first payment left one, and after it ended.
    pub method: Option<PaymentMethodId>,
    /// One period, as it was agreed to.
    pub price: Money,
    /// Seconds of a period.
    pub period_secs: i64,
    /// What the payer reads.
    pub description: String,
    /// Where receipts and letters go.
    pub buyer: Buyer,
    /// The receipt's line.
    pub receipt: Option<ReceiptTerms>,
    /// Where it stands.
    pub status: Status,
    /// First instant of the first period.
    pub started_at: Option<OffsetDateTime>,
    /// First instant that is not paid for.
    pub paid_until: Option<OffsetDateTime>,
    /// Refusals that count, since the last period that was paid.
    pub attempts: u32,
    /// When it is charged, tried again or ended.
    pub look_at: Option<OffsetDateTime>,
    /// When its subscriber ended it: nothing more is charged.
    pub canceled_at: Option<OffsetDateTime>,
    /// Periods that were paid.
    pub periods_paid: i64,
    /// The payment that is not decided.
    pub open: Option<PaymentId>,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
}

impl FiatSubscription {
    /// Its subscriber ended it: over as soon as what was paid for is.
    pub(super) fn wind_up(&mut self, now: OffsetDateTime) {
        self.look_at = self.paid_until.filter(|until| *until > now);
        if self.look_at.is_none() {
            self.status = Status::Canceled;
        }
    }
}
