//! The ledger against itself.

use std::io::{IsTerminal, Write};

use anyhow::bail;
use billing_core::ledger::{self, Verified};
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;

/// Writes what differs, the first difference first, or what was compared.
pub(super) async fn verify(pool: &PgPool, mut out: impl Write) -> anyhow::Result<()> {
    let bar = bar();
    let verified = ledger::verify(pool, |transfers| bar.set_position(transfers)).await;
    bar.finish_and_clear();
    let Verified { transfers, accounts, sealed, seal, differences } = verified?;
    for difference in &differences {
        writeln!(out, "{difference}")?;
    }
    writeln!(
        out,
        "{transfers} transfers, {sealed} of them sealed, {accounts} accounts, {} differences",
        differences.len()
    )?;
    if let Some((number, hash)) = seal {
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "seal {number}: {hex}")?;
    }
    if !differences.is_empty() {
        bail!("the ledger is not as it was written; docs/ledger-proof.md says what a seal proves");
    }
    Ok(())
}

/// On a terminal; how many there are is not known before.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} transfers compared {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}
