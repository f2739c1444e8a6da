use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::LogArgs;

/// Starts logging to standard error; standard output belongs to results.
///
/// # Errors
/// A filter that does not parse.
pub fn init(args: &LogArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log).with_context(|| format!("log filter {:?} (BILLING_LOG)", args.log))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match args.log_format.as_str() {
        "json" => builder.json().flatten_event(true).try_init(),
        _ => builder.with_target(false).try_init(),
    };
    // A second start in one process (tests) keeps the first subscriber.
    drop(started);
    Ok(())
}
