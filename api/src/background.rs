//! What goes on beside the requests: dropping cached plans that changed, and following the operator's transactions.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::signers::local::PrivateKeySigner;
use billing_core::{
    chain::{self, Rpc},
    mandates, outbox,
};
use futures::future::join_all;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{cache, state::AppState};

const PLAN_CHANGED: &str = "billing.plan.changed.v1";
const TAIL_EVERY: Duration = Duration::from_millis(250);
const TAIL_PAGE: i64 = 1_000;
/// Messages become visible in the order of commits, not of ids: for this long, smaller ids are still looked for.
const OVERLAP: Duration = Duration::from_secs(30);
const RESOLVE_EVERY: Duration = Duration::from_secs(2);

/// Drops plans that the mirror says changed, until `shutdown`.
pub(crate) async fn drop_changed_plans(state: AppState, shutdown: CancellationToken) {
    let mut tail = Tail::default();
    while wait(&shutdown, TAIL_EVERY).await {
        if let Err(error) = tail.follow(&state).await {
            tracing::warn!(error = %format!("{error:#}"), "changed plans are cached until they can be dropped");
            wait(&shutdown, Duration::from_secs(1)).await;
        }
    }
}

/// How far the outbox is read.
#[derive(Debug, Default)]
struct Tail {
    /// Nothing up to here is read again; `None` before the first look.
    after: Option<i64>,
    /// Messages after it that were dealt with, and when.
    done: BTreeMap<i64, Instant>,
}

impl Tail {
    async fn follow(&mut self, state: &AppState) -> anyhow::Result<()> {
        // A Redis may hold plans from before this process: what changed since they were read is gone through once.
        let mut after = match self.after {
            Some(after) => after,
            None => {
                outbox::position_at(&state.pool, PLAN_CHANGED, OffsetDateTime::now_utc() - cache::TTL - OVERLAP).await?
            }
        };
        self.after = Some(after);
        loop {
            let page = outbox::read_after(&state.pool, PLAN_CHANGED, after, TAIL_PAGE).await?;
            for message in &page {
                // A drop that fails leaves the message to the next look.
                if let Entry::Vacant(place) = self.done.entry(message.id) {
                    state.plans.drop_plan(&message.key).await?;
                    place.insert(Instant::now());
                }
            }
            match page.last() {
                Some(last) if page.len() as i64 == TAIL_PAGE => after = last.id,
                _ => break,
            }
        }
        self.forget_old();
        Ok(())
    }

    fn forget_old(&mut self) {
        while let Some(first) = self.done.first_entry() {
            if first.get().elapsed() < OVERLAP {
                break;
            }
            self.after = Some(first.remove_entry().0);
        }
    }
}

/// Finds out what became of the operator's and the relayer's transactions on every chain, until `shutdown`.
pub(crate) async fn resolve_senders(state: AppState, shutdown: CancellationToken) {
    let mut keys: Vec<_> = state.operator.iter().chain(&state.relayer).cloned().collect();
    keys.dedup_by_key(|key| key.address());
    if keys.is_empty() {
        return;
    }
    while wait(&shutdown, RESOLVE_EVERY).await {
        join_all(state.chains.iter().map(|rpc| resolve_on(&state, rpc, &keys))).await;
    }
}

async fn resolve_on(state: &AppState, rpc: &Rpc, keys: &[Arc<PrivateKeySigner>]) {
    let network = &rpc.network.name;
    // Each key looks at all senders, and raises the fees of its own.
    for key in keys {
        match chain::resolve(&state.pool, rpc, key).await {
            Ok(resolved) => resolved.iter().for_each(|fact| tell(network, fact)),
            Err(error) => tracing::warn!(network, %error, "our transactions are not resolved"),
        }
    }
    match mandates::settle(&state.pool, rpc).await {
        Ok(settled) => {
            for (id, status) in settled {
                tracing::info!(network, relay.id = %id.0, status = status.as_str(), "relay settled");
            }
        }
        Err(error) => tracing::warn!(network, %error, "relays are not settled"),
    }
}

fn tell(network: &str, fact: &chain::Resolved) {
    match fact {
        chain::Resolved::Mined(tx, receipt) if receipt.status() => {
            tracing::info!(network, tx.hash = %tx.hash, purpose = %tx.call.purpose, "mined");
        }
        chain::Resolved::Mined(tx, _) => {
            tracing::warn!(network, tx.hash = %tx.hash, purpose = %tx.call.purpose, "reverted");
        }
        chain::Resolved::Dropped(tx) => {
            tracing::warn!(network, tx.hash = %tx.hash, purpose = %tx.call.purpose, "dropped: its nonce was used elsewhere");
        }
        chain::Resolved::Orphaned(id) => tracing::warn!(network, tx.id = %id.0, "block orphaned; sent again"),
    }
}

/// False when it is time to end.
async fn wait(shutdown: &CancellationToken, time: Duration) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
