use billing_core::{
    ids::{AccountId, TransferId},
    ledger::{Action, Amount, Movement, Transfer},
};
use serde::{Deserialize, Serialize};

/// A transfer as a journal keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of the transfer.
    pub id: TransferId,
    /// What it does.
    pub step: Step,
}

/// As `billing_core::ledger::Action`.
#[expect(missing_docs, reason = "there they are said")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    Post { debit: AccountId, credit: AccountId, amount: u64 },
    Hold { debit: AccountId, credit: AccountId, amount: u64, timeout_secs: u32, partly: bool },
    Commit { hold: TransferId, amount: Option<u64>, keep_rest: bool },
    Release { hold: TransferId },
}

impl Asked {
    pub(super) fn new(step: Step) -> Self {
        Self { id: TransferId::new(), step }
    }

    /// As the ledger takes it.
    pub fn transfer(&self) -> Transfer {
        let action = match self.step {
            Step::Post { debit, credit, amount } => Action::Post(Movement { debit, credit, amount: amount.into() }),
            Step::Hold { debit, credit, amount, timeout_secs, partly } => {
                let movement = Movement { debit, credit, amount: amount.into() };
                Action::Hold { movement, timeout_secs: Some(timeout_secs), partly }
            }
            Step::Commit { hold, amount, keep_rest } => {
                Action::Commit { hold, amount: amount.map(Amount::from), keep_rest }
            }
            Step::Release { hold } => Action::Release { hold },
        };
        Transfer { id: self.id, action, code: "drill".to_owned(), reference: None, event_at: None }
    }
}
