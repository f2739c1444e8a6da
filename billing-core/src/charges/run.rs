//! One run on one network: recover, claim, simulate, send, record.

use std::time::Duration;

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{
    ChargeError, Outcome, RunReport,
    due::{self, Claimed, Due},
    record, repo,
    simulate::{self, Batch, Forecast},
};
use crate::chain::{self, ChainError, ChainTx, Resolved, Rpc, tx};

/// How a run is bounded.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Subscriptions looked at, at most.
    pub limit: i64,
    /// Who we are, for people who read the table.
    pub worker_instance: String,
    /// Seconds for which a claim keeps others away; a dead process' claims are free after it.
    pub lease_secs: u32,
    /// How long to wait for receipts; what is not mined by then is pending and the next run's.
    pub receipt_wait: Duration,
}

/// Gas beyond the forecast: one transfer's allowance (`TRANSFER_GAS` must be left at the last member) and a margin.
const GAS_MARGIN: u64 = 350_000;
/// Time between two looks for a receipt.
const RECEIPT_POLL: Duration = Duration::from_millis(100);

/// Charges what is due now. Killed at any instant, the next run goes on where this one was.
///
/// # Errors
/// A node's, the database's. What concerns one batch only stands in the report's `errors`.
pub async fn run(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    options: &RunOptions,
) -> Result<RunReport, ChargeError> {
    let mut report = RunReport { network: rpc.network.name.clone(), ..RunReport::default() };
    recover(pool, rpc, signer).await?;
    let now = due::chain_time(rpc).await?;
    let claimed = due::claim(pool, rpc.network.chain_id, now, options).await?;
    let batches = batches(claimed.iter().map(|claimed| claimed.due.clone()).collect(), rpc);
    let forecasts = simulate::simulate(rpc, signer.address(), &batches).await?;
    report.simulated_apart = forecasts.apart;

    let mut sent = Vec::new();
    for (batch, forecast) in batches.into_iter().zip(forecasts.list) {
        let members: Vec<Claimed> = batch.members.iter().filter_map(|due| find(&claimed, due)).collect();
        let accepted = refuse(pool, rpc, &members, &forecast, now, &mut report).await?;
        for (members, gas) in split(accepted, &forecast, rpc) {
            match send(pool, rpc, signer, batch.plan_hash, &members, gas).await {
                Ok(tx) => sent.push((tx, members)),
                Err(ChargeError::Chain(error @ ChainError::FeeAboveCap { .. })) => {
                    report.errors.push(error.to_string())
                }
                Err(error) => return Err(error),
            }
        }
    }
    await_receipts(pool, rpc, sent, now, options.receipt_wait, &mut report).await?;
    report.sort();
    Ok(report)
}

/// What [`run`] would do now, by the same rules on the same state. Writes nothing and needs no key.
///
/// # Errors
/// A node's, the database's.
pub async fn dry_run(pool: &PgPool, rpc: &Rpc, automation: Address, limit: i64) -> Result<RunReport, ChargeError> {
    let now = due::chain_time(rpc).await?;
    let batches = batches(due::list(pool, rpc.network.chain_id, now, limit).await?, rpc);
    let forecasts = simulate::simulate(rpc, automation, &batches).await?;
    let mut report =
        RunReport { network: rpc.network.name.clone(), simulated_apart: forecasts.apart, ..RunReport::default() };
    for (batch, forecast) in batches.into_iter().zip(forecasts.list) {
        for (due, reason) in batch.members.into_iter().zip(forecast.outcomes) {
            let outcome = reason.map_or(Outcome::Charged, |reason| record::outcome_of(due.attempts + 1, reason, now));
            let mut row = record::row(rpc, &due, outcome);
            row.reason = reason;
            report.rows.push(row);
        }
    }
    report.sort();
    Ok(report)
}

/// Records what dead processes, or slow ones, left behind.
async fn recover(pool: &PgPool, rpc: &Rpc, signer: &PrivateKeySigner) -> Result<(), ChargeError> {
    let now = due::chain_time(rpc).await?;
    for fact in chain::resolve(pool, rpc, signer).await? {
        match fact {
            Resolved::Mined(tx, receipt) => {
                record::receipt(pool, rpc, &tx, &receipt, now).await?;
            }
            Resolved::Dropped(tx) => record::dropped(pool, &tx).await?,
            // Pending again, and with it out of what is due; the mirror or a later receipt settles its charges.
            Resolved::Orphaned(_) => {}
        }
    }
    Ok(())
}

fn batches(due: Vec<Due>, rpc: &Rpc) -> Vec<Batch> {
    simulate::batches(due, rpc.network.batch_size)
}

fn find(claimed: &[Claimed], due: &Due) -> Option<Claimed> {
    let same = |other: &&Claimed| other.due.plan_hash == due.plan_hash && other.due.subscriber == due.subscriber;
    claimed.iter().find(same).cloned()
}

/// Records the members that would be refused; gives the others.
async fn refuse(
    pool: &PgPool,
    rpc: &Rpc,
    members: &[Claimed],
    forecast: &Forecast,
    now: OffsetDateTime,
    report: &mut RunReport,
) -> Result<Vec<Claimed>, ChargeError> {
    let mut accepted = Vec::new();
    let mut db_tx = pool.begin().await?;
    for (claimed, reason) in members.iter().zip(&forecast.outcomes) {
        let Some(reason) = *reason else {
            accepted.push(claimed.clone());
            continue;
        };
        let outcome = record::refuse(&mut db_tx, rpc.network.chain_id, claimed, reason, now).await?;
        let mut row = record::row(rpc, &claimed.due, outcome);
        row.reason = Some(reason);
        report.rows.push(row);
    }
    db_tx.commit().await?;
    Ok(accepted)
}

/// Halves a batch until each part's gas limit is within the network's.
fn split(members: Vec<Claimed>, forecast: &Forecast, rpc: &Rpc) -> Vec<(Vec<Claimed>, u64)> {
    if members.is_empty() {
        return Vec::new();
    }
    let per_member = forecast.gas / (forecast.outcomes.len().max(1) as u64) + 1;
    let limit = |count: usize| {
        let base = forecast.gas.min(100_000);
        (base + per_member * count as u64) * 6 / 5 + GAS_MARGIN
    };
    let mut size = members.len();
    while size > 1 && limit(size) > rpc.network.max_gas_per_tx {
        size = size.div_ceil(2);
    }
    let gas = limit(size).min(rpc.network.max_gas_per_tx);
    members.chunks(size).map(|part| (part.to_vec(), gas)).collect()
}

async fn send(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    plan_hash: alloy::primitives::B256,
    members: &[Claimed],
    gas: u64,
) -> Result<ChainTx, ChargeError> {
    let batch = Batch { plan_hash, members: members.iter().map(|claimed| claimed.due.clone()).collect() };
    let call = batch.call(rpc.network.subscription_manager);
    let quote = tx::quote(rpc, signer.address()).await?;
    let mut db_tx = pool.begin().await?;
    let tx = tx::prepare_in_tx(&mut db_tx, rpc, signer, &call, gas, &quote).await?;
    let ids: Vec<_> = members.iter().map(|claimed| claimed.id).collect();
    repo::link(&mut db_tx, &ids, tx.id, tx.hash.as_slice()).await?;
    db_tx.commit().await?;
    tx::broadcast(pool, rpc, &tx).await?;
    Ok(tx)
}

async fn await_receipts(
    pool: &PgPool,
    rpc: &Rpc,
    mut sent: Vec<(ChainTx, Vec<Claimed>)>,
    now: OffsetDateTime,
    wait: Duration,
    report: &mut RunReport,
) -> Result<(), ChargeError> {
    let mut looks = wait.as_millis() / RECEIPT_POLL.as_millis() + 1;
    while !sent.is_empty() && looks > 0 {
        let mut waiting = Vec::new();
        for (tx, members) in sent {
            match chain::receipt(pool, rpc, &tx).await? {
                Some(receipt) => report.rows.extend(record::receipt(pool, rpc, &tx, &receipt, now).await?),
                None => waiting.push((tx, members)),
            }
        }
        sent = waiting;
        looks -= 1;
        if !sent.is_empty() && looks > 0 {
            tokio::time::sleep(RECEIPT_POLL).await;
        }
    }
    for (tx, members) in sent {
        report.rows.extend(members.iter().map(|claimed| {
            let mut row = record::row(rpc, &claimed.due, Outcome::Pending);
            row.tx_hash = Some(tx.hash);
            row
        }));
    }
    Ok(())
}
