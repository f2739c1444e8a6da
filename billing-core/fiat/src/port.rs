use std::fmt;

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Dispute, Money, NewPayment, NewRefund, Notification, Page, Payment, ProviderError, Refund, WebhookError,
    WebhookRequest, Window,
};

/// What a provider can do beyond the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// A method can be kept and charged without the payer.
    pub saved_methods: bool,
    /// A payment can be held first, and captured or canceled later.
    pub two_stage: bool,
    /// It registers receipts under 54-FZ.
    pub receipts: bool,
    /// It tells of disputes.
    pub disputes: bool,
}

/// A company that takes fiat money for us.
///
/// `Ok` is the provider's word, and `Ok(Canceled)` is its last one. `Err(Unknown)` means that nobody knows: whoever asks again
/// does so with the same reference, within 23 hours of the first time; after that the payment is looked for with `find` and
/// not made again. What waits has a timeout; nothing here tries again by itself.
#[async_trait]
pub trait FiatProvider: Send + Sync + fmt::Debug {
    /// `yookassa`, `stripe`: the name of its rail, its webhook and its rows.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Makes a payment, or gives the one that was made with the same reference.
    async fn create(&self, payment: &NewPayment) -> Result<Payment, ProviderError>;

    /// Takes `amount` of a held payment; the rest goes back to the payer.
    async fn capture(&self, payment: &Payment, amount: Money) -> Result<Payment, ProviderError>;

    /// Gives a held payment back; ends one that waits for its payer, where the provider can.
    async fn cancel(&self, payment: &Payment) -> Result<Payment, ProviderError>;

    /// By [`Payment::external_id`] or [`Payment::charge_id`]; `None` when there is none.
    async fn payment(&self, id: &str) -> Result<Option<Payment>, ProviderError>;

    /// By our reference, of a payment that was first sent at `sent_at`; `None` when the provider has none.
    async fn find(&self, reference: Uuid, sent_at: OffsetDateTime) -> Result<Option<Payment>, ProviderError>;

    /// Gives money back, or gives the refund that was made with the same reference.
    async fn refund(&self, refund: &NewRefund) -> Result<Refund, ProviderError>;

    /// By [`Refund::external_id`]; `None` when there is none.
    async fn refund_by_id(&self, id: &str) -> Result<Option<Refund>, ProviderError>;

    /// By [`Dispute::external_id`]; `None` when there is none, or the provider tells of none.
    async fn dispute(&self, id: &str) -> Result<Option<Dispute>, ProviderError>;

    /// Payments that were made in a window; `cursor` is [`Page::next`] of the part before.
    async fn payments(&self, window: Window, cursor: Option<&str>) -> Result<Page<Payment>, ProviderError>;

    /// Refunds that were made in a window.
    async fn refunds(&self, window: Window, cursor: Option<&str>) -> Result<Page<Refund>, ProviderError>;

    /// Whether a notification is the provider's, and what it is about. Asks nobody.
    ///
    /// # Errors
    /// Why it is not believed.
    fn notification(&self, request: &WebhookRequest<'_>) -> Result<Notification, WebhookError>;
}
