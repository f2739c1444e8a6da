//! What every long-running process of Abono is made of: arguments, logs, the database pool, shutdown, and the
//! `/health`, `/ready`, `/metrics` listener.
//!
//! Invariant: holds no rule of billing and no SQL of its own.

mod args;
mod database;
mod fiat;
mod ops;
mod shutdown;
mod telemetry;

pub use args::{DatabaseArgs, KeyArgs, LogArgs, NetworkArgs};
pub use database::{connect, migrate, pool_options};
pub use fiat::FiatArgs;
pub use ops::{Readiness, metrics_text, router as ops_router, serve as serve_ops};
pub use shutdown::on_signal;
pub use telemetry::init as init_logs;

use std::process::ExitCode;

/// Ends a `main`: prints what went wrong and what to do on standard error, one line per cause, and exits with 1.
pub fn exit(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
