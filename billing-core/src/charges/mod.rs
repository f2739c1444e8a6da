//! Charges: one row per subscription and due time that we attempted, from the claim to the mirror's confirmation. A charge
//! that only the chain made has no row; the view `billing_charge` reads every charge from its log.
//!
//! ```text
//! pending --(simulation refuses)--> pending with retry_at --> failed (dunning is over)
//! pending --(transaction stored)--> submitted --(receipt)--> settled --(mirror)--> settled, confirmed
//! submitted --(transaction dropped)--> pending;   settled --(block orphaned)--> pending
//! pending --(its orphaned transaction is on its way again)--> submitted
//! pending | submitted --(schedule moved on, subscriber's end)--> canceled
//! pending | submitted --(refused, and there is a saved method)--> fiat --(it pays)--> paid_by_fiat
//! fiat --(it refuses)--> pending | failed;   fiat | paid_by_fiat --(the chain charged after all: money back)--> settled
//! ```
//!
//! Invariant: a row exists before money moves, and there is one per (subscription, due time); the contract refuses a
//! second charge of a period whatever these rows say. Over both rails nobody pays for a period twice: an attempt is one rail's at a
//! time, and where the chain charges what was or is being taken from a saved method, that is given back.

mod batch;
mod confirm;
mod confirm_repo;
mod due;
pub mod dunning;
mod error;
pub mod fallback;
mod forecast;
mod progress;
mod reason;
mod record;
mod record_repo;
mod recover;
mod repo;
mod report;
mod run;
mod simulate;

pub use confirm::{ConfirmedCharge, confirm, reopen_orphaned, unconfirm_above};
pub use error::ChargeError;
pub use progress::Progress;
pub use reason::Reason;
pub use report::{Outcome, Row, RunReport, Totals};
pub use run::{RunOptions, dry_run, run};
