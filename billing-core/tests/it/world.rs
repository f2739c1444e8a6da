//! A chain with plans and subscribers, and a database that mirrors them.

use std::{path::Path, sync::Arc, time::Duration};

use alloy::primitives::{Address, B256, Bytes, TxHash, U256, aliases::U96};
use anyhow::{Result, ensure};
use billing_bindings::{IPlanManager, PlanManager, SubscriptionManager};
use billing_core::{
    chain::{Networks, Rpc},
    charges::{self, Outcome, Progress, Reason, Row, RunOptions, RunReport},
    ids::ChainId,
};
use sqlx::{PgPool, Row as _};
use test_support::{Chain, Database, Role, networks_toml};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

pub const PRICE: u64 = 10_000_000;
pub const DAY: u64 = 86_400;

pub struct World {
    pub database: Database,
    pub chain: Chain,
    pub rpc: Rpc,
}

impl World {
    pub async fn start() -> Result<Self> {
        let (database, chain) = tokio::join!(Database::new(), Chain::start(31_337));
        let chain = chain?;
        let networks = Networks::parse(&networks_toml(&[&chain]), Path::new(""))?;
        let rpc = Rpc::connect(networks.find("alpha").expect("the first network")).await?;
        Ok(Self { database, chain, rpc })
    }

    pub fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    pub fn chain_id(&self) -> ChainId {
        self.rpc.network.chain_id
    }

    /// A plan of 10 USDT a day.
    pub async fn plan(&self, salt: u64) -> Result<B256> {
        self.plan_in(self.chain.addresses().token, salt).await
    }

    pub async fn plan_in(&self, token: Address, salt: u64) -> Result<B256> {
        let merchant = Role::Merchant(0);
        let plan = IPlanManager::Plan {
            chainIds: vec![U256::from(self.chain.chain_id())],
            merchant: merchant.address(),
            token,
            price: U96::from(PRICE),
            period: u32::try_from(DAY)?,
            trial: 0,
            maxFeeBps: 500,
            salt: U256::from(salt),
            expiry: 0,
        };
        let plans = PlanManager::new(self.chain.addresses().plan_manager, self.chain.provider_as(merchant));
        let hash = plans.hashPlan(plan.clone()).call().await?;
        let receipt = plans.createPlan(plan, Bytes::new(), String::new()).send().await?.get_receipt().await?;
        ensure!(receipt.status(), "createPlan reverted");
        Ok(hash)
    }

    /// Money and allowance for so many periods more, then a subscription, which takes the first of them.
    pub async fn subscribe(&self, who: Role, plan: B256, periods: u64) -> Result<()> {
        let manager = self.chain.addresses().subscription_manager;
        let amount = U256::from(PRICE * periods);
        self.chain.mint(who.address(), amount).await?;
        self.chain.approve(who, manager, U256::from(PRICE * 1_000)).await?;
        let receipt = self.manager(who).subscribe(plan).send().await?.get_receipt().await?;
        ensure!(receipt.status(), "subscribe reverted");
        self.mirror(who, plan).await
    }

    pub fn manager(
        &self,
        who: Role,
    ) -> SubscriptionManager::SubscriptionManagerInstance<alloy::providers::DynProvider> {
        SubscriptionManager::new(self.chain.addresses().subscription_manager, self.chain.provider_as(who))
    }

    pub async fn charge_count(&self, who: Role, plan: B256) -> Result<u32> {
        Ok(self.manager(who).subscriptionOf(plan, who.address()).call().await?.chargeCount)
    }

    /// Writes what the contracts say of one subscription where the mirror would.
    pub async fn mirror(&self, who: Role, plan: B256) -> Result<()> {
        let plans = PlanManager::new(self.chain.addresses().plan_manager, self.chain.provider());
        let terms = plans.termsOf(plan).call().await?;
        sqlx::query(
            "insert into billing_plan_state (chain_id, plan_hash, merchant, token, price, period_secs, trial_secs,
                                             max_fee_bps, status, frozen, uri, created_block, updated_block, updated_at)
             values ($1, $2, $3, $4, $5::text::numeric, $6, 0, 500, 'active', false, '', 1, 1, now())
             on conflict do nothing",
        )
        .bind(self.chain_id())
        .bind(plan.as_slice())
        .bind(terms.merchant.as_slice())
        .bind(terms.token.as_slice())
        .bind(terms.price.to_string())
        .bind(i64::from(terms.period))
        .execute(self.pool())
        .await?;
        let found = self.manager(who).subscriptionOf(plan, who.address()).call().await?;
        let status = ["none", "active", "paused", "canceled", "failed"][usize::from(found.status)];
        let next = OffsetDateTime::from_unix_timestamp(found.nextChargeAt.to::<i64>())?;
        sqlx::query(
            "insert into billing_subscription_state (chain_id, plan_hash, subscriber, status, started_at, next_charge_at,
                                                     charge_count, retries, updated_block, updated_at)
             values ($1, $2, $3, $4, $5, $5, $6, 0, 1, now())
             on conflict (chain_id, plan_hash, subscriber) do update
             set status = excluded.status, next_charge_at = excluded.next_charge_at, charge_count = excluded.charge_count",
        )
        .bind(self.chain_id())
        .bind(plan.as_slice())
        .bind(who.address().as_slice())
        .bind(status)
        .bind(next)
        .bind(i32::try_from(found.chargeCount)?)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    pub fn options(&self, worker: &str) -> RunOptions {
        RunOptions {
            limit: 1_000,
            worker_instance: worker.to_owned(),
            lease_secs: 60,
            receipt_wait: Duration::from_secs(20),
            stop: CancellationToken::new(),
            progress: Arc::new(Progress::default()),
        }
    }

    pub async fn run(&self) -> Result<RunReport> {
        self.run_with(&self.options("worker")).await
    }

    /// A run that does not wait for receipts.
    pub async fn run_hastily(&self) -> Result<RunReport> {
        self.run_with(&RunOptions { receipt_wait: Duration::ZERO, ..self.options("hasty") }).await
    }

    pub async fn run_with(&self, options: &RunOptions) -> Result<RunReport> {
        Ok(charges::run(self.pool(), &self.rpc, &Role::Automation.signer(), options).await?)
    }

    pub async fn dry_run(&self) -> Result<RunReport> {
        Ok(charges::dry_run(self.pool(), &self.rpc, Role::Automation.address(), 1_000).await?)
    }

    /// Charges as the table has them, by due time, plan and subscriber.
    pub async fn attempts(&self) -> Result<Vec<Attempt>> {
        let rows = sqlx::query(
            "select subscriber, status, reason, attempts, retry_at, tx_hash, gas_spent, lease_until is not null as leased,
                    mined_block, confirmed_block
             from billing_charge_attempt order by due_at, plan_hash, subscriber",
        )
        .fetch_all(self.pool())
        .await?;
        let attempt = |row: &sqlx::postgres::PgRow| Attempt {
            subscriber: Address::from_slice(row.get("subscriber")),
            status: row.get("status"),
            reason: row.get("reason"),
            attempts: row.get("attempts"),
            retry_at: row.get("retry_at"),
            tx_hash: row.get::<Option<Vec<u8>>, _>("tx_hash").map(|hash| B256::from_slice(&hash)),
            gas_spent: row.get("gas_spent"),
            leased: row.get("leased"),
            mined_block: row.get("mined_block"),
            confirmed_block: row.get("confirmed_block"),
        };
        Ok(rows.iter().map(attempt).collect())
    }

    pub async fn statuses(&self) -> Result<Vec<String>> {
        Ok(self.attempts().await?.into_iter().map(|attempt| attempt.status).collect())
    }

    /// `chain_tx` by nonce and age: nonce, status, hash, highest fee.
    pub async fn transactions(&self) -> Result<Vec<(i64, String, TxHash, i64)>> {
        let rows = sqlx::query(
            "select nonce, status, tx_hash, max_fee_wei::bigint as fee from chain_tx order by nonce, created_at, chain_tx_id",
        )
        .fetch_all(self.pool())
        .await?;
        let tx = |row: &sqlx::postgres::PgRow| {
            (row.get("nonce"), row.get("status"), B256::from_slice(row.get("tx_hash")), row.get("fee"))
        };
        Ok(rows.iter().map(tx).collect())
    }

    pub async fn transaction_statuses(&self) -> Result<Vec<String>> {
        Ok(self.transactions().await?.into_iter().map(|(_, status, _, _)| status).collect())
    }

    pub async fn count(&self, sql: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(sql).fetch_one(self.pool()).await?)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub subscriber: Address,
    pub status: String,
    pub reason: Option<i16>,
    pub attempts: i32,
    pub retry_at: Option<OffsetDateTime>,
    pub tx_hash: Option<B256>,
    pub gas_spent: Option<i64>,
    pub leased: bool,
    pub mined_block: Option<i64>,
    pub confirmed_block: Option<i64>,
}

/// What a report says about each subscription, without what only a real run knows.
pub fn said(report: &RunReport) -> Vec<(B256, Address, Outcome, Option<Reason>)> {
    report.rows.iter().map(|row| (row.plan_hash, row.subscriber, row.outcome, row.reason)).collect()
}

pub fn outcomes(report: &RunReport) -> Vec<Outcome> {
    report.rows.iter().map(|row| row.outcome).collect()
}

pub fn row_of(report: &RunReport, who: Role, plan: B256) -> &Row {
    let found = report.rows.iter().find(|row| row.subscriber == who.address() && row.plan_hash == plan);
    found.unwrap_or_else(|| panic!("no row of {who:?} in {report:#?}"))
}
