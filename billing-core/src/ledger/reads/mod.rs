//! What is asked of the ledger: balances now and at any instant, statements, open holds, the trial balance.

mod balance;
mod read_repo;
mod statement;

pub use balance::{
    Balance, By, Explained, OpenHold, OwnerBalance, TrialLine, balance, balance_at, explained, open_holds,
    open_holds_of_owner, owner_balances, owner_balances_at, trial_balance,
};
pub use statement::{Line, Page, StatementCursor, statement};
