//! A chain with merchants and subscribers, and an indexer for it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96};
use anyhow::{Context, Result, bail, ensure};
use billing_bindings::{IPlanManager, PlanManager, SubscriptionManager};
use billing_core::{
    chain::{Network, Networks, Rpc},
    mirror::{
        self, Cursor,
        feed::{self, FeedPosition},
    },
};
use billing_indexer::Mode;
use billing_process::Readiness;
use sqlx::PgPool;
use test_support::{Chain, Role, networks_toml};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PRICE: u64 = 10_000_000;
pub const DAY: u64 = 86_400;

/// Networks of the chains, with this many blocks to finality.
pub fn networks(chains: &[&Chain], finality_depth: u64) -> Result<Vec<Network>> {
    let networks = Networks::parse(&networks_toml(chains), Path::new(""))?;
    Ok(networks.iter().cloned().map(|network| Network { finality_depth, ..network }).collect())
}

/// One run until caught up.
pub async fn once(pool: &PgPool, networks: Vec<Network>) -> Result<()> {
    billing_indexer::run(pool, networks, Mode::Once, Readiness::new(pool.clone()), CancellationToken::new()).await
}

/// An indexer in the background, stopped and joined by [`Running::stop`].
pub struct Running {
    task: JoinHandle<Result<()>>,
    shutdown: CancellationToken,
    pub readiness: Readiness,
}

impl Running {
    pub fn start(pool: &PgPool, networks: Vec<Network>) -> Self {
        let (readiness, shutdown) = (Readiness::new(pool.clone()), CancellationToken::new());
        let (pool, token, ready) = (pool.clone(), shutdown.clone(), readiness.clone());
        let task = tokio::spawn(async move { billing_indexer::run(&pool, networks, Mode::Follow, ready, token).await });
        Self { task, shutdown, readiness }
    }

    /// Waits for an end that nobody asked for.
    pub async fn ended(&self) -> anyhow::Error {
        while !self.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::anyhow!("the indexer ended; readiness: {:?}", self.readiness.faults().await)
    }

    pub async fn stop(self) -> Result<()> {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.context("does not stop")??
    }
}

pub async fn cursor(pool: &PgPool, network: &Network) -> Result<Option<Cursor>> {
    Ok(mirror::cursor(&mut *pool.acquire().await?, network.chain_id).await?)
}

/// Whether the mirror stands at the chain's head, by number and hash.
pub async fn stands_at_head(pool: &PgPool, chain: &Chain, network: &Network) -> Result<bool> {
    use alloy::providers::Provider;
    let head = chain.provider().get_block(alloy::eips::BlockId::latest()).await?.context("a head")?.header;
    Ok(cursor(pool, network).await?.is_some_and(|at| at.hash == head.hash))
}

/// Waits until the mirror stands at the chain's head, by number and hash. A busy machine makes it slow, so what counts is
/// how long it stands still.
pub async fn caught_up(pool: &PgPool, chain: &Chain, network: &Network) -> Result<()> {
    use alloy::providers::Provider;
    let (mut moved, mut last) = (Instant::now(), None);
    while moved.elapsed() < Duration::from_secs(30) {
        let head = chain.provider().get_block(alloy::eips::BlockId::latest()).await?.context("a head")?.header;
        let at = cursor(pool, network).await?;
        if at.is_some_and(|at| at.hash == head.hash) {
            return Ok(());
        }
        if at != last {
            (moved, last) = (Instant::now(), at);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the mirror of {} does not reach the head; it stands at {last:?}", network.name)
}

/// The mirror says of every plan, subscription, deposit and event count what the contracts say.
pub async fn assert_mirror_equals_chain(pool: &PgPool, network: &Network) -> Result<mirror::Verified> {
    let verified = mirror::verify(pool, &Rpc::connect(network).await?).await?;
    ensure!(verified.differences.is_empty(), "{:#?}", verified.differences);
    Ok(verified)
}

pub async fn count(pool: &PgPool, table: &'static str) -> Result<i64> {
    let sql = match table {
        "logs" => "select count(*) from chain_log",
        "outbox" => "select count(*) from outbox",
        "undone" => "select count(*) from chain_undo",
        "charges" => "select count(*) from billing_charge",
        "active" => "select count(*) from billing_subscription_state where status = 'active'",
        "subscriptions" => "select count(*) from billing_subscription_state",
        other => bail!("no count of {other}"),
    };
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

/// Topics of the feed that begin so, once everything written so far is settled.
pub async fn told(pool: &PgPool, beginning: &str) -> Result<Vec<String>> {
    let written: i64 = sqlx::query_scalar("select pg_current_xact_id()::text::bigint").fetch_one(pool).await?;
    let oldest = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
    while sqlx::query_scalar::<_, i64>(oldest).fetch_one(pool).await? <= written {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let messages = feed::read(pool, FeedPosition::START, 100_000).await?;
    Ok(messages.into_iter().map(|message| message.topic).filter(|topic| topic.starts_with(beginning)).collect())
}

/// Terms of a plan on every chain of these tests.
pub fn plan(chain: &Chain, merchant: Role, token: Address, salt: u64) -> IPlanManager::Plan {
    IPlanManager::Plan {
        chainIds: vec![U256::from(chain.chain_id())],
        merchant: merchant.address(),
        token,
        price: U96::from(PRICE),
        period: u32::try_from(DAY).expect("a day is short"),
        trial: 0,
        maxFeeBps: 500,
        salt: U256::from(salt),
        expiry: 0,
    }
}

pub async fn create_plan(chain: &Chain, plan: IPlanManager::Plan, merchant: Role) -> Result<B256> {
    let plans = PlanManager::new(chain.addresses().plan_manager, chain.provider_as(merchant));
    let hash = plans.hashPlan(plan.clone()).call().await?;
    sent(plans.createPlan(plan, Bytes::new(), "https://example.org/plan".to_owned()).send().await?).await?;
    Ok(hash)
}

pub async fn token_plan(chain: &Chain, salt: u64) -> Result<B256> {
    let merchant = Role::Merchant(0);
    create_plan(chain, plan(chain, merchant, chain.addresses().token, salt), merchant).await
}

pub async fn native_plan(chain: &Chain, salt: u64) -> Result<B256> {
    let merchant = Role::Merchant(1);
    create_plan(chain, plan(chain, merchant, Address::ZERO, salt), merchant).await
}

pub fn manager(
    chain: &Chain,
    role: Role,
) -> SubscriptionManager::SubscriptionManagerInstance<impl alloy::providers::Provider + Clone> {
    SubscriptionManager::new(chain.addresses().subscription_manager, chain.provider_as(role))
}

/// Money and allowance for `periods`, then a subscription.
pub async fn subscribe(chain: &Chain, who: Role, plan: B256, periods: u64) -> Result<()> {
    let amount = U256::from(PRICE * periods);
    chain.mint(who.address(), amount).await?;
    chain.approve(who, chain.addresses().subscription_manager, amount).await?;
    sent(manager(chain, who).subscribe(plan).send().await?).await
}

pub async fn subscribe_native(chain: &Chain, who: Role, plan: B256, periods: u64) -> Result<()> {
    sent(manager(chain, who).subscribe(plan).value(U256::from(PRICE * periods)).send().await?).await
}

pub async fn charge(chain: &Chain, plan: B256, who: &[Role]) -> Result<()> {
    let members: Vec<u8> = who.iter().flat_map(|role| role.address().to_vec()).collect();
    sent(manager(chain, Role::Automation).chargeBatch(plan, members.into()).send().await?).await
}

pub async fn cancel(chain: &Chain, plan: B256, who: Role) -> Result<()> {
    sent(manager(chain, who).cancel(plan).send().await?).await
}

pub async fn sent(pending: alloy::providers::PendingTransactionBuilder<alloy::network::Ethereum>) -> Result<()> {
    ensure!(pending.get_receipt().await?.status(), "the transaction reverted");
    Ok(())
}

/// Charges, failures up to the last, a cancellation, deposits and changes of plans: every event that is projected.
pub async fn eventful_history(chain: &Chain) -> Result<()> {
    let (token, native) = (token_plan(chain, 1).await?, native_plan(chain, 2).await?);
    let people: Vec<Role> = (0..4).map(Role::Subscriber).collect();
    for who in &people[..2] {
        subscribe(chain, *who, token, 2).await?;
    }
    subscribe(chain, people[2], token, 10).await?;
    subscribe_native(chain, people[3], native, 3).await?;
    for _ in 0..5 {
        chain.increase_time(DAY).await?;
        charge(chain, token, &people[..3]).await?;
        charge(chain, native, &people[3..]).await?;
    }
    cancel(chain, token, people[2]).await?;
    let manager = manager(chain, people[3]);
    sent(manager.depositNative(people[3].address()).value(U256::from(5_000)).send().await?).await?;
    sent(manager.withdrawNative(U256::from(1_000), people[0].address()).send().await?).await?;
    change_plan(chain, token).await
}

async fn change_plan(chain: &Chain, plan: B256) -> Result<()> {
    let of = |role| PlanManager::new(chain.addresses().plan_manager, chain.provider_as(role));
    let (seller, buyer) = (Role::Merchant(0), Role::Merchant(3));
    sent(of(seller).closePlan(plan).send().await?).await?;
    sent(of(Role::Operator).setPlanFrozen(plan, true).send().await?).await?;
    sent(of(seller).updatePlanUri(plan, "https://example.org/other".to_owned()).send().await?).await?;
    sent(of(seller).transferPlanOwnership(plan, buyer.address()).send().await?).await?;
    sent(of(buyer).acceptPlanOwnership(plan).send().await?).await
}
