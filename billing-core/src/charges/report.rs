//! What a run did, or a dry run says a run would do.

use alloy::primitives::{Address, B256};
use serde::Serialize;
use time::OffsetDateTime;

use super::Reason;
use crate::{ids::ChainId, money::TokenAmount};

/// What became of one due subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Paid; in a dry run: would be.
    Charged,
    /// Refused with a reason, to be looked at again later.
    Skipped,
    /// Refused with a reason; the saved method is charged for the period.
    Fiat,
    /// Refused with a reason for the last time.
    Failed,
    /// Sent and not mined yet; the next run finds out.
    Pending,
    /// Nothing happened, and not because the contract refused; it stays due.
    Error,
}

impl Outcome {
    /// As JSON and tables write it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Skipped => "skipped",
            Self::Fiat => "fiat",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::Error => "error",
        }
    }
}

/// One due subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Name in the networks file.
    pub network: String,
    /// Its chain.
    pub chain_id: ChainId,
    /// The plan.
    pub plan_hash: B256,
    /// Who pays.
    pub subscriber: Address,
    /// The plan's price in the token's smallest unit.
    pub amount: TokenAmount,
    /// Zero for the native coin.
    pub token: Address,
    /// End of the paid time.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was not charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Chain time before which it is not tried again.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub retry_at: Option<OffsetDateTime>,
    /// What went wrong, for `Error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<B256>,
    /// This charge's part of the transaction's gas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gas: Option<u64>,
    /// False when another process wrote this outcome down first: counts are then its.
    #[serde(skip)]
    pub counts: bool,
}

/// A run on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Name in the networks file.
    pub network: String,
    /// In the order in which they were looked at.
    pub rows: Vec<Row>,
    /// Trouble of the whole run; the rows it concerned say so themselves.
    pub errors: Vec<String>,
    /// True when the node knows no `eth_simulateV1`, so that batches were simulated each by itself.
    pub simulated_apart: bool,
}

/// Counts of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Rows.
    pub processed: usize,
    /// Paid, or would be.
    pub charged: usize,
    /// Refused for now.
    pub skipped: usize,
    /// Refused, and taken from a saved method.
    pub fiat: usize,
    /// Refused for the last time.
    pub failed: usize,
    /// Sent, not mined yet.
    pub pending: usize,
    /// Nothing happened, for other causes than a refusal.
    pub errors: usize,
}

impl RunReport {
    /// Rows by due time, plan and subscriber: a run and its prediction show them alike.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| (row.due_at, row.plan_hash, row.subscriber));
    }

    /// Counts of all rows.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.count(|_| true)
    }

    /// Counts of the rows whose outcome this process wrote down: over all processes, each outcome once.
    #[must_use]
    pub fn written(&self) -> Totals {
        self.count(|row| row.counts)
    }

    fn count(&self, of: impl Fn(&Row) -> bool) -> Totals {
        let count = |outcome| self.rows.iter().filter(|row| of(row) && row.outcome == outcome).count();
        Totals {
            processed: self.rows.iter().filter(|row| of(row)).count(),
            charged: count(Outcome::Charged),
            skipped: count(Outcome::Skipped),
            fiat: count(Outcome::Fiat),
            failed: count(Outcome::Failed),
            pending: count(Outcome::Pending),
            errors: count(Outcome::Error),
        }
    }
}
