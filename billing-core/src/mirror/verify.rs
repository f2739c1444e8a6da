//! The mirror against the contracts' own answers.

use std::{collections::HashMap, fmt};

use alloy::{
    eips::BlockId,
    primitives::{Address, B256, U256},
    providers::Provider,
};
use billing_bindings::{Marketplace, PlanManager, SubscriptionManager};
use futures::{StreamExt, TryStreamExt, stream};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Cursor, MirrorError, Source, repo};
use crate::{
    chain::{ChainError, Rpc},
    marketplace::{REVOKED, RevocationEvent, Revoked, event_repo},
    plans::{PlanState, PlanStatus, state_repo as plan_repo},
    subscriptions::{
        DepositState, SubscriptionState, SubscriptionStatus, deposit_repo, state_repo as subscription_repo,
    },
};

/// Questions to the node under way at once.
const IN_FLIGHT: usize = 16;

/// A fact on which mirror and chain disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which fact of which entity.
    pub what: String,
    /// What the mirror says.
    pub mirror: String,
    /// What the contract says.
    pub chain: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: mirror {}, chain {}", self.what, self.mirror, self.chain)
    }
}

/// A comparison at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The block.
    pub cursor: Cursor,
    /// Plans compared.
    pub plans: usize,
    /// Subscriptions compared.
    pub subscriptions: usize,
    /// Deposits compared.
    pub deposits: usize,
    /// Revocations and counts of sold units compared.
    pub sales: usize,
    /// Where they disagree; empty when the mirror is right.
    pub differences: Vec<Difference>,
}

/// Compares every plan, subscription, deposit and revocation, units sold and the number of events with the contracts at the cursor's block.
///
/// The node must still have that block's state. The database is read first, in one snapshot.
///
/// # Errors
/// `NotStarted`, `UnknownBlock` (the node does not have the cursor's block); the node's and the database's.
pub async fn verify(pool: &PgPool, rpc: &Rpc) -> Result<Verified, MirrorError> {
    let source = Source::from(&rpc.network);
    let stored = Stored::read(pool, &source).await?;
    let header = rpc.provider.get_block_by_hash(stored.cursor.hash).await.map_err(|error| rpc.error(&error))?;
    if header.is_none() {
        return Err(MirrorError::UnknownBlock { number: stored.cursor.number, hash: stored.cursor.hash });
    }
    let chain = Contracts::at(rpc, &source, stored.cursor.hash);
    let counts = chain.compare_counts(&stored.sequences).await?;
    let plans = all(stored.plans.iter().map(|plan| chain.compare_plan(plan))).await?;
    let tokens: HashMap<B256, Address> = stored.plans.iter().map(|plan| (plan.plan_hash, plan.token)).collect();
    let subscriptions = stored
        .subscriptions
        .iter()
        .map(|state| chain.compare_subscription(state, tokens.get(&state.key.plan_hash).copied()));
    let subscriptions = all(subscriptions).await?;
    let deposits = all(stored.deposits.iter().map(|deposit| chain.compare_deposit(deposit))).await?;
    let revocations = all(stored.revocations.iter().map(|event| chain.compare_revocation(event))).await?;
    let sold = all(stored.sold.iter().map(|count| chain.compare_sold(count))).await?;
    Ok(Verified {
        cursor: stored.cursor,
        plans: stored.plans.len(),
        subscriptions: stored.subscriptions.len(),
        deposits: stored.deposits.len(),
        sales: stored.revocations.len() + stored.sold.len(),
        differences: [counts, plans, subscriptions, deposits, revocations, sold].concat(),
    })
}

async fn all<F>(questions: impl Iterator<Item = F>) -> Result<Vec<Difference>, ChainError>
where
    F: Future<Output = Result<Vec<Difference>, ChainError>>,
{
    stream::iter(questions).buffered(IN_FLIGHT).try_concat().await
}

struct Stored {
    cursor: Cursor,
    sequences: Vec<(Address, i64)>,
    plans: Vec<PlanState>,
    subscriptions: Vec<SubscriptionState>,
    deposits: Vec<DepositState>,
    revocations: Vec<RevocationEvent>,
    sold: Vec<(Address, U256, i64)>,
}

impl Stored {
    async fn read(pool: &PgPool, source: &Source) -> Result<Self, MirrorError> {
        let mut tx = repo::begin_snapshot(pool).await?;
        let cursor = repo::cursor(&mut tx, source.chain_id).await?.ok_or(MirrorError::NotStarted(source.chain_id))?;
        let stored = Self {
            cursor,
            sequences: repo::sequences(&mut tx, source.chain_id).await?,
            plans: plan_repo::all(&mut tx, source.chain_id).await?,
            subscriptions: subscription_repo::all(&mut tx, source.chain_id).await?,
            deposits: deposit_repo::all(&mut tx, source.chain_id).await?,
            revocations: event_repo::revocations(&mut tx, source.chain_id).await?,
            sold: event_repo::sold(&mut tx, source.chain_id).await?,
        };
        tx.commit().await?;
        Ok(stored)
    }
}

struct Contracts<'a> {
    rpc: &'a Rpc,
    plans: PlanManager::PlanManagerInstance<&'a alloy::providers::DynProvider>,
    subscriptions: SubscriptionManager::SubscriptionManagerInstance<&'a alloy::providers::DynProvider>,
    source: &'a Source,
    block: BlockId,
}

impl<'a> Contracts<'a> {
    fn at(rpc: &'a Rpc, source: &'a Source, block: B256) -> Self {
        Self {
            rpc,
            plans: PlanManager::new(source.plan_manager, &rpc.provider),
            subscriptions: SubscriptionManager::new(source.subscription_manager, &rpc.provider),
            source,
            block: BlockId::hash(block),
        }
    }

    async fn compare_counts(&self, sequences: &[(Address, i64)]) -> Result<Vec<Difference>, ChainError> {
        let of =
            |wanted: &Address| sequences.iter().find(|(address, _)| address == wanted).map_or(0, |(_, last)| *last);
        let mut differences = Vec::new();
        for address in self.source.addresses() {
            // The same call on each of them.
            let contract = PlanManager::new(address, &self.rpc.provider);
            let count = contract.eventCount().block(self.block).call().await.map_err(|e| self.rpc.error(&e))?;
            let mut found = Findings::of(format!("contract {address}"));
            found.compare("events", &of(&address).unsigned_abs(), &count);
            differences.extend(found.differences);
        }
        Ok(differences)
    }

    fn marketplace(&self) -> Option<Marketplace::MarketplaceInstance<&'a alloy::providers::DynProvider>> {
        self.source.marketplace.map(|address| Marketplace::new(address, &self.rpc.provider))
    }

    async fn compare_revocation(&self, event: &RevocationEvent) -> Result<Vec<Difference>, ChainError> {
        let Some(contract) = self.marketplace() else { return Ok(Vec::new()) };
        let mut found = Findings::of(format!("revocation by {}", event.seller));
        match event.revoked {
            Revoked::Listing { salt } => {
                let sold = contract.soldOf(event.seller, salt).block(self.block).call().await;
                found.compare(&format!("salt {salt}"), &REVOKED, &sold.map_err(|e| self.rpc.error(&e))?);
            }
            Revoked::Sku { sku, min_salt } => {
                let lowest = contract.minSaltOf(event.seller, sku).block(self.block).call().await;
                let lowest = lowest.map_err(|e| self.rpc.error(&e))?;
                // It only rises, so an earlier event is met by a later one.
                found.compare(&format!("minimum of {sku}"), &min_salt.max(lowest), &lowest);
            }
        }
        Ok(found.differences)
    }

    /// Other listings of the salt may be known to the chain only, so it may count more.
    async fn compare_sold(&self, count: &(Address, U256, i64)) -> Result<Vec<Difference>, ChainError> {
        let Some(contract) = self.marketplace() else { return Ok(Vec::new()) };
        let (seller, salt, sold) = count;
        let on_chain = contract.soldOf(*seller, *salt).block(self.block).call().await;
        let on_chain = i64::from(on_chain.map_err(|e| self.rpc.error(&e))?);
        let mut found = Findings::of(format!("salt {salt} of {seller}"));
        found.compare("sold", &(*sold).max(on_chain), &on_chain);
        Ok(found.differences)
    }

    async fn compare_plan(&self, plan: &PlanState) -> Result<Vec<Difference>, ChainError> {
        let terms = self.plans.termsOf(plan.plan_hash).block(self.block).call().await;
        let terms = terms.map_err(|error| self.rpc.error(&error))?;
        let mut found = Findings::of(format!("plan {}", plan.plan_hash));
        found.compare("merchant", &plan.merchant, &terms.merchant);
        found.compare("token", &plan.token, &terms.token);
        found.compare("price", &plan.price.0, &terms.price.to());
        found.compare("period_secs", &plan.period_secs, &i64::from(terms.period));
        found.compare("trial_secs", &plan.trial_secs, &i64::from(terms.trial));
        found.compare("max_fee_bps", &plan.max_fee_bps, &i32::from(terms.maxFeeBps));
        found.compare("status", &Some(plan.status), &PlanStatus::from_number(terms.status));
        found.compare("frozen", &plan.frozen, &terms.frozen);
        Ok(found.differences)
    }

    async fn compare_subscription(
        &self,
        state: &SubscriptionState,
        plan_token: Option<Address>,
    ) -> Result<Vec<Difference>, ChainError> {
        let (plan_hash, subscriber) = (state.key.plan_hash, state.key.subscriber);
        let slot = self.subscriptions.subscriptionOf(plan_hash, subscriber).block(self.block).call().await;
        let slot = slot.map_err(|error| self.rpc.error(&error))?;
        let mut found = Findings::of(format!("subscription {plan_hash} of {subscriber}"));
        found.compare("status", &Some(state.status), &SubscriptionStatus::from_number(slot.status));
        found.compare("next_charge_at", &seconds(Some(state.next_charge_at)), &slot.nextChargeAt.to());
        found.compare("retry_at", &seconds(state.retry_at), &slot.retryAt.to());
        found.compare("ends_at", &seconds(state.ends_at), &slot.endsAt.to());
        found.compare("charge_count", &i64::from(state.charge_count), &i64::from(slot.chargeCount));
        found.compare("retries", &state.retries, &i16::from(slot.retries));
        found.compare("paused_at", &seconds(state.paused_at), &slot.pausedAt.to());
        found.compare("rail", &state.terms.map(|terms| terms.rail).unwrap_or_default().number(), &slot.rail);
        let limit = state.terms.and_then(|terms| terms.charge_limit);
        found.compare("charge_limit", &limit.unwrap_or_default(), &i32::from(slot.chargeLimit));
        let bounds = state.terms.filter(|terms| Some(terms.payment_token) != plan_token);
        found.compare("bounded", &bounds.is_some(), &slot.bounded);
        if let Some(terms) = bounds {
            let chain = self.subscriptions.boundsOf(plan_hash, subscriber).block(self.block).call().await;
            let chain = chain.map_err(|error| self.rpc.error(&error))?;
            found.compare("payment_token", &terms.payment_token, &chain.token);
            found.compare("max_amount", &terms.max_amount.0, &chain.maxAmount.to());
        }
        Ok(found.differences)
    }

    async fn compare_deposit(&self, deposit: &DepositState) -> Result<Vec<Difference>, ChainError> {
        let balance = self.subscriptions.nativeDepositOf(deposit.account).block(self.block).call().await;
        let balance = balance.map_err(|error| self.rpc.error(&error))?;
        let mut found = Findings::of(format!("deposit of {}", deposit.account));
        found.compare("balance", &deposit.balance.0, &balance);
        Ok(found.differences)
    }
}

struct Findings {
    subject: String,
    differences: Vec<Difference>,
}

impl Findings {
    const fn of(subject: String) -> Self {
        Self { subject, differences: Vec::new() }
    }

    fn compare<T: PartialEq + fmt::Debug>(&mut self, fact: &str, mirror: &T, chain: &T) {
        if mirror != chain {
            let what = format!("{}, {fact}", self.subject);
            self.differences.push(Difference { what, mirror: format!("{mirror:?}"), chain: format!("{chain:?}") });
        }
    }
}

/// As the contract keeps times: zero for none.
fn seconds(time: Option<OffsetDateTime>) -> i64 {
    time.map_or(0, OffsetDateTime::unix_timestamp)
}
