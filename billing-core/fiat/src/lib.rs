//! Fiat payment providers behind one port: what we ask of them, what they answer, and how their notifications are believed.
//!
//! Invariant: no SQL and no rule of billing; `now` is a parameter; a provider's answer is reported, never guessed; secrets stand
//! in `SecretString` only and reach no error and no log.

mod error;
mod money;
mod payment;
mod port;
mod receipt;
mod stripe;
mod webhook;
mod yookassa;

pub use error::ProviderError;
pub use money::{Currency, Money, MoneyError};
pub use payment::{
    CancelReason, Canceled, Capture, Dispute, DisputeStatus, NewPayment, NewRefund, Outcome, Page, Payment, Pays,
    Refund, RefundOutcome, SavedMethod, Window,
};
pub use port::{Capabilities, FiatProvider};
pub use receipt::{Buyer, Receipt, ReceiptItem, ReceiptStatus};
pub use stripe::{Stripe, StripeConfig};
pub use webhook::{Notification, Subject, WebhookError, WebhookRequest};
pub use yookassa::{YOOKASSA_NETWORKS, YooKassa, YooKassaConfig};
