//! Fiat money: payments through providers, and what they are in the ledger.
//!
//! ```text
//! created --(sent; the provider answers)--> pending --(paid)--> succeeded: booked in the same transaction
//!    |                                        |  |
//!    |                                        |  +--(held)--> authorized --(capture)--> succeeded
//!    +--(refused, or never made)--> canceled <+-----------------(release, expiry)--+
//! ```
//!
//! Invariants, each a test: a payment is written before it is asked for; it is booked once, in the transaction that marks it paid, and
//! only on the provider's own answer to our question, never on a notification's word; no SQL transaction is open while a provider
//! is asked; killed at any instant, [`poll`] finishes what was begun; an answer that contradicts what was asked for books nothing.
//!
//! Lock order: payment, then refund or dispute, then the ledger's.

mod ask;
mod booking;
mod dispute;
mod dispute_repo;
mod error;
mod figures;
mod figures_repo;
mod inbox;
mod inbox_repo;
mod method;
mod payment;
mod poll;
mod providers;
mod reconcile;
mod reconcile_repo;
mod record;
pub mod refund;
mod refund_repo;
mod refunds;
mod repo;
mod schedule;
mod start;
mod transition;

pub use ask::advance;
pub use error::PaymentError;
pub use figures::{Figures, Filter, Trouble, figures, list, troubles};
pub use inbox::{BODY_MAX, Received, receive};
pub use method::PaymentMethod;
pub use payment::{Asked, Bought, Intent, Order, Payment, Pays, Purpose, ReceiptTerms, Status};
pub use poll::{Round, poll};
pub use providers::Providers;
pub use reconcile::{Difference, DifferenceKind, Reconciliation, reconcile, reconcile_once};
pub use refund::RefundPolicy;
pub use refunds::{Refund, RefundStatus};
pub use start::{decide_in_tx, end_method, find, lock_in_tx, methods, page, start, start_in_tx};
