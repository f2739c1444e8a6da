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
    /// Refused with a reason for the last time.
    Failed,
    /// Sent and not mined yet; the next run finds out.
    Pending,
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
    /// The transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<B256>,
    /// This charge's part of the transaction's gas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gas: Option<u64>,
}

/// A run on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Name in the networks file.
    pub network: String,
    /// In the order in which they were looked at.
    pub rows: Vec<Row>,
    /// Trouble that concerned whole batches; the rows they held stay due or pending.
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
    /// Refused for the last time.
    pub failed: usize,
    /// Sent, not mined yet.
    pub pending: usize,
    /// Batches in trouble.
    pub errors: usize,
}

impl RunReport {
    /// Rows by due time, plan and subscriber: a run and its prediction show them alike.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| (row.due_at, row.plan_hash, row.subscriber));
    }

    /// Counts.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let count = |outcome| self.rows.iter().filter(|row| row.outcome == outcome).count();
        Totals {
            processed: self.rows.len(),
            charged: count(Outcome::Charged),
            skipped: count(Outcome::Skipped),
            failed: count(Outcome::Failed),
            pending: count(Outcome::Pending),
            errors: self.errors.len(),
        }
    }
}
