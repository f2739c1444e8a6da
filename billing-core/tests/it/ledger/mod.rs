mod laws;
mod model;

use billing_core::{
    ids::{AccountId, TransferId},
    ledger::{Action, Amount, Ended, Limited, Movement, Transfer},
};
