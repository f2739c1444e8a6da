//! What goes on beside the requests: dropping cached plans that changed, following the operator's transactions, and asking how
//! open payments stand.

use std::{sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use billing_core::{
    chain::{self, Rpc},
    charges::fallback,
    fiat_subscriptions, mandates,
    mirror::feed::{self, FeedPosition},
    payments::{self, PaymentError, Providers},
};
use futures::future::join_all;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{cache, state::AppState};

const TAIL_EVERY: Duration = Duration::from_millis(250);
const TAIL_PAGE: usize = 1_000;
/// How much earlier than the oldest cached plan reading begins: longer than a transaction that changes a plan lasts.
const OVERLAP: Duration = Duration::from_secs(30);
const RESOLVE_EVERY: Duration = Duration::from_secs(2);
const PAYMENTS_EVERY: Duration = Duration::from_secs(1);
/// Of each kind in one round: after it, what came in meanwhile is looked at first.
const PAYMENTS_AT_ONCE: i64 = 20;

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

/// How far the feed is read; `None` before the first look.
#[derive(Debug, Default)]
struct Tail(Option<FeedPosition>);

impl Tail {
    async fn follow(&mut self, state: &AppState) -> anyhow::Result<()> {
        // A Redis may hold plans from before this process: what changed since they were read is gone through once.
        let mut position = match self.0 {
            Some(position) => position,
            None => feed::position_at(&state.pool, OffsetDateTime::now_utc() - cache::TTL - OVERLAP).await?,
        };
        loop {
            let page = feed::read_of(&state.pool, Some(&[feed::PLAN_CHANGED]), position, TAIL_PAGE).await?;
            for message in &page {
                if message.topic == feed::PLAN_CHANGED {
                    state.plans.drop_plan(&message.key).await?;
                }
                // A drop that fails leaves the message to the next look.
                position = message.position;
                self.0 = Some(position);
            }
            if page.len() < TAIL_PAGE {
                self.0 = Some(position);
                return Ok(());
            }
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

/// Attends to periods that are paid in fiat money, notifications, open payments and refunds, until `shutdown`: as soon as somebody says that there are some, and every
/// second, since another process may have died over one. Each provider for itself: one that hangs keeps no other waiting.
pub(crate) async fn attend_to_payments(state: AppState, shutdown: CancellationToken) {
    join_all(state.providers.each().map(|provider| attend_to(&state, provider, &shutdown))).await;
}

async fn attend_to(state: &AppState, provider: Providers, shutdown: &CancellationToken) {
    let mut due = state.payments_due.subscribe();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            // Its sender lives in the state.
            _ = due.changed() => {}
            () = tokio::time::sleep(PAYMENTS_EVERY) => {}
        }
        // Broken off in the middle, a round loses nothing: what it was at is found again when its lease is over.
        let round = tokio::select! {
            () = shutdown.cancelled() => return,
            round = round(state, &provider) => round,
        };
        match round {
            Ok(true) => due.mark_changed(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "payments are looked at again later"),
        }
    }
}

/// Periods first: what they begin is sent at once. True when there may be more to do now.
async fn round(state: &AppState, provider: &Providers) -> Result<bool, PaymentError> {
    let now = OffsetDateTime::now_utc();
    let own = fiat_subscriptions::step(&state.pool, provider, now, PAYMENTS_AT_ONCE).await?;
    let fallbacks = fallback::step(&state.pool, provider, PAYMENTS_AT_ONCE).await?;
    let round = payments::poll(&state.pool, provider, now, PAYMENTS_AT_ONCE).await?;
    Ok(round.is_full(PAYMENTS_AT_ONCE) || !own.is_idle() || !fallbacks.is_idle())
}

/// False when it is time to end.
async fn wait(shutdown: &CancellationToken, time: Duration) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
