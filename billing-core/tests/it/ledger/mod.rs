mod book;
mod grants;
mod laws;
mod model;
mod peers;
mod together;
mod world;

use billing_core::{
    ids::{AccountId, TransferId},
    ledger::{Action, Amount, Ended, Limited, Movement, Transfer},
};
