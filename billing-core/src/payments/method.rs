use time::OffsetDateTime;

use crate::ids::PaymentMethodId;

/// A method of payment that can be charged without the payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMethod {
    /// Ours.
    pub id: PaymentMethodId,
    /// Name of the provider.
    pub provider: String,
    /// Whose.
    pub owner: String,
    /// The provider's.
    pub external_id: String,
    /// For the payer to know it by.
    pub title: String,
    /// Since when it is not charged any more.
    pub ended_at: Option<OffsetDateTime>,
}
