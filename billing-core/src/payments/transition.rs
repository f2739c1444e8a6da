//! What the provider's word makes of a payment. Pure.

use billing_fiat::{Outcome, Payment as Seen};

use super::{Payment, Status};

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It stands where it stood: what else the answer says is noted.
    Stay,
    /// It moves on.
    To(Status),
    /// The answer contradicts what we asked for.
    Trouble(String),
}

/// What `seen` makes of `own`. Answers come late, twice and in any order: final is what the provider called final, and paid is
/// paid, also where it was given up here.
pub(super) fn step(own: &Payment, seen: &Seen) -> Step {
    if seen.reference != Some(own.id.0) {
        let named = seen.reference.map_or("none of ours".to_owned(), |id| id.to_string());
        return Step::Trouble(format!("{} has {named} as its reference", seen.external_id));
    }
    if matches!(seen.outcome, Outcome::Succeeded | Outcome::Authorized { .. }) && seen.amount != own.amount {
        return Step::Trouble(format!("{} was asked for, {} is {}", own.amount, seen.amount, word(&seen.outcome)));
    }
    match (own.status, &seen.outcome) {
        (Status::Succeeded, _) => Step::Stay,
        (_, Outcome::Succeeded) => Step::To(Status::Succeeded),
        (Status::Canceled, _) => Step::Stay,
        (_, Outcome::Canceled(_)) => Step::To(Status::Canceled),
        // Held is past waiting for the payer: whoever says otherwise was asked before.
        (Status::Authorized, _) => Step::Stay,
        (_, Outcome::Authorized { .. }) => Step::To(Status::Authorized),
        (Status::Created | Status::Pending, Outcome::Pending | Outcome::RequiresAction { .. }) => {
            Step::To(Status::Pending)
        }
    }
}

/// For people.
pub(super) const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pending | Outcome::RequiresAction { .. } => "pending",
        Outcome::Authorized { .. } => "authorized",
        Outcome::Succeeded => "succeeded",
        Outcome::Canceled(_) => "canceled",
    }
}
