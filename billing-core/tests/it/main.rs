//! Rules and SQL on a real database.

mod history;
mod mirror;
