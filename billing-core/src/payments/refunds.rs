use billing_fiat::Money;
use time::OffsetDateTime;

use crate::{
    ids::{PaymentId, RefundId, TransferId},
    ledger::Amount,
};

impl RefundId {
    /// Of what somebody asks for with a key of theirs: asked again, it is the same. Neither holds a zero byte.
    #[must_use]
    pub fn asked(by: &str, key: &str) -> Self {
        Self(TransferId::named(&["refund asked for", by, key]).0)
    }
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    /// Written here; the provider may know nothing of it.
    Created,
    /// The provider knows it; nothing is decided.
    Pending,
    /// The money is given back, and booked.
    Succeeded,
    /// It is not given back.
    Canceled,
}

impl RefundStatus {
    const ALL: [Self; 4] = [Self::Created, Self::Pending, Self::Succeeded, Self::Canceled];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Pending)
    }
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Ours: the provider has it as its reference.
    pub id: RefundId,
    /// Of which payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: RefundStatus,
    /// Credits that were taken back for it.
    pub credits: Amount,
    /// Why.
    pub reason: String,
    /// The provider's id.
    pub external_id: Option<String>,
    /// The provider's word for why it came to nothing.
    pub cancel_code: Option<String>,
    /// Made in the provider's own pages.
    pub foreign_made: bool,
    /// An answer that contradicts this row.
    pub trouble: Option<String>,
    /// When it was first sent.
    pub sent_at: Option<OffsetDateTime>,
    /// How often it was looked at in vain.
    pub looks: u32,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
}
