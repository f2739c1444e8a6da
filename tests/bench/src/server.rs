//! The machine and its server, before anything is measured.

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};

/// Processes that others keep busy: figures of a busy machine compare with nothing but themselves.
///
/// # Errors
/// Where the kernel does not say.
pub fn load() -> Result<f64> {
    let loads = std::fs::read_to_string("/proc/loadavg")?;
    Ok(loads.split(' ').next().context("no load")?.parse()?)
}

/// Figures of a server that forgets are none.
///
/// # Errors
/// When it does.
pub async fn require_durable() -> Result<()> {
    let mut server = PgConnection::connect(test_support::server_url().await?).await?;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String =
            sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(&mut server).await?;
        ensure!(value == "on", "{setting} of the server is {value}; start this by script/bench");
    }
    Ok(server.close().await?)
}
