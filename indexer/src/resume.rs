//! What an operator does after a reorganisation deeper than what was final.

use std::io::Write;

use anyhow::{Context, bail};
use billing_core::{
    chain::{Network, Rpc},
    mirror::{self, Cursor, Header, Source, Undone},
};
use sqlx::{PgConnection, PgPool};

use crate::{fetch, start};

/// Blocks with logs that are compared before the database is asked for more.
const PAGE: i64 = 64;

/// Shows for each halted network what the node's branch takes back; with `accept`, takes it back and ends the halt.
///
/// # Errors
/// As [`crate::run`] at start; a node without a block that it shares with the mirror; a cursor that moved meanwhile.
pub async fn resume(pool: &PgPool, networks: Vec<Network>, accept: bool, mut out: impl Write) -> anyhow::Result<()> {
    for rpc in start::open_all(pool, &networks).await? {
        let (name, source) = (&rpc.network.name, Source::from(&rpc.network));
        let mut conn = pool.acquire().await?;
        let Some(halt) = mirror::halted(&mut conn, source.chain_id).await? else {
            writeln!(out, "{name}: not halted")?;
            continue;
        };
        let seen = mirror::cursor(&mut conn, source.chain_id).await?.context("halted, and nothing was mirrored")?;
        let fork = shared_block(&rpc, &mut conn, &seen).await.with_context(|| format!("network {name}"))?;
        let logs = mirror::logs_above(&mut conn, source.chain_id, fork.number).await?;
        drop(conn);
        writeln!(out, "{name}: halted since {}: {}", halt.halted_at, halt.reason)?;
        writeln!(
            out,
            "{name}: mirror and node agree up to block {}; the mirror stands at {}, and {logs} logs between would be taken back",
            fork.number, seen.number
        )?;
        if !accept {
            writeln!(
                out,
                "{name}: nothing was changed; `--accept` takes them back and goes on with the node's branch"
            )?;
            continue;
        }
        match mirror::accept_branch(pool, &source, &seen, &fork).await? {
            Undone::Moved { depth, logs } => {
                tracing::warn!(
                    network = name,
                    fork = fork.number,
                    depth,
                    logs,
                    "an operator accepted the node's branch"
                );
                writeln!(out, "{name}: took back {depth} blocks with {logs} logs")?;
            }
            Undone::Stale => bail!("network {name}: the mirror moved meanwhile; run it again"),
        }
    }
    Ok(())
}

/// The highest block with logs of ours that the node has too; the block before the first one where nothing is shared.
async fn shared_block(rpc: &Rpc, conn: &mut PgConnection, seen: &Cursor) -> anyhow::Result<Header> {
    let mut below = seen.number + 1;
    loop {
        let page = mirror::logged_blocks(conn, rpc.network.chain_id, below, PAGE).await?;
        for (number, hash) in &page {
            if let Some(theirs) = fetch::header(rpc, *number).await?
                && theirs.hash == *hash
            {
                return Ok(theirs);
            }
        }
        match page.last() {
            Some((number, _)) => below = *number,
            None => break,
        }
    }
    let before_all = i64::try_from(rpc.network.start_block)?.min(below).saturating_sub(1).max(0);
    fetch::header(rpc, before_all).await?.with_context(|| format!("the node has no block {before_all}"))
}
