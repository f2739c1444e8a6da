mod book;
mod grants;
mod history;
mod laws;
mod model;
mod peers;
mod reads;
mod seal;
mod together;
mod verify;
mod world;

use billing_core::{
    ids::{AccountId, TransferId},
    ledger::{Action, Amount, Ended, Limited, Movement, Transfer},
};
