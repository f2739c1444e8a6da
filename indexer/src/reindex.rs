//! Projections made anew from stored logs.

use std::io::Write;

use anyhow::Context;
use billing_core::{
    chain::Network,
    mirror::{self, Refolded},
};
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;

/// Makes all projections of the networks anew, without asking a node; writes what was wrong as text.
///
/// # Errors
/// A network of which nothing is mirrored yet; a stored log that this version cannot read; the database's.
pub async fn reindex(pool: &PgPool, networks: &[Network], mut out: impl Write) -> anyhow::Result<()> {
    for network in networks {
        let bar = ProgressBar::new_spinner().with_prefix(network.name.clone()).with_style(style());
        let told = |entities: usize| bar.set_position(u64::try_from(entities).unwrap_or_default());
        let refolded = mirror::reindex(pool, network.chain_id, told).await;
        bar.finish_and_clear();
        let Refolded { entities, wrong } = refolded.with_context(|| format!("network {}", network.name))?;
        writeln!(out, "{}: {entities} folded from their logs, {} rows were wrong", network.name, wrong.len())?;
        for row in wrong {
            writeln!(out, "  {row}")?;
        }
    }
    Ok(())
}

/// Where the folds are of another version than the stored projections, those are made anew.
pub(crate) async fn reindex_outdated(pool: &PgPool, network: &Network) -> anyhow::Result<()> {
    if mirror::is_outdated(&mut *pool.acquire().await?, network.chain_id).await? {
        tracing::warn!(
            network = network.name,
            version = mirror::FOLD_VERSION,
            "other folds: projections are made anew"
        );
        let refolded = mirror::reindex(pool, network.chain_id, |_| {}).await?;
        tracing::warn!(
            network = network.name,
            entities = refolded.entities,
            changed = refolded.wrong.len(),
            "made anew"
        );
    }
    Ok(())
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix:>12} {human_pos} folded, {per_sec}, {elapsed}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner())
}
