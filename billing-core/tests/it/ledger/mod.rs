mod laws;
mod model;
mod together;

use billing_core::{
    ids::{AccountId, TransferId},
    ledger::{Action, Amount, Ended, Limited, Movement, Transfer},
};
