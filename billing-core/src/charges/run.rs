//! One run on one network: recover, claim, simulate, send, record.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::{
    ChargeError, Outcome, Progress, RunReport,
    batch::Batch,
    due::{self, Claimed, Due},
    dunning,
    forecast::{Forecast, forecast},
    record,
    recover::recover,
    repo,
};
use crate::{
    chain::{self, ChainTx, Rpc, tx},
    ids::ChargeAttemptId,
};

/// How a run is bounded.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Subscriptions looked at, at most.
    pub limit: i64,
    /// Who we are: no two processes may have the same, for claims are told apart by it.
    pub worker_instance: String,
    /// Seconds for which a claim keeps others away; a dead process' claims are free after it.
    pub lease_secs: u32,
    /// How long to wait for receipts; what is not mined by then is pending and the next run's.
    pub receipt_wait: Duration,
    /// Cancelled: nothing more is sent, and receipts are not waited for.
    pub stop: CancellationToken,
    /// Told how far the run is.
    pub progress: Arc<Progress>,
}

/// Time between two looks for a receipt.
const RECEIPT_POLL: Duration = Duration::from_millis(100);

/// Charges what is due now. Killed at any instant, the next run goes on where this one was. The report also has what
/// earlier runs sent and this one found mined.
///
/// # Errors
/// A node's or the database's before anything was sent. After that, the rows concerned say what went wrong.
pub async fn run(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    options: &RunOptions,
) -> Result<RunReport, ChargeError> {
    if let Some(reason) = repo::halt_reason(pool, rpc.network.chain_id).await? {
        return Err(ChargeError::Halted { network: rpc.network.name.clone(), reason });
    }
    let rows = recover(pool, rpc, signer).await?;
    let report = RunReport { network: rpc.network.name.clone(), rows, ..RunReport::default() };
    let now = due::chain_time(rpc).await?;
    let claimed = due::claim(pool, rpc.network.chain_id, now, options).await?;
    options.progress.found(claimed.len());
    let ids: Vec<ChargeAttemptId> = claimed.iter().map(|claimed| claimed.id).collect();
    let due = claimed.iter().map(|claimed| claimed.due.clone()).collect();
    let claims = claimed.into_iter().map(|claimed| ((claimed.due.plan_hash, claimed.due.subscriber), claimed));
    let run = Run { pool, rpc, signer, options, now, claims: claims.collect(), report };
    let done = match forecast(rpc, signer.address(), due).await {
        Ok(forecast) => run.carry_out(forecast).await,
        Err(error) => Err(error),
    };
    // Of what was sent or refused, nothing is a claim any more.
    repo::release(pool, &ids, &options.worker_instance).await?;
    let mut report = done?;
    report.sort();
    Ok(report)
}

/// What [`run`] would do now, by the same rules on the same state. Writes nothing and needs no key.
///
/// # Errors
/// A node's, the database's.
pub async fn dry_run(pool: &PgPool, rpc: &Rpc, automation: Address, limit: i64) -> Result<RunReport, ChargeError> {
    let now = due::chain_time(rpc).await?;
    let due = due::list(pool, rpc.network.chain_id, now, limit).await?;
    let forecast = forecast(rpc, automation, due).await?;
    let mut report =
        RunReport { network: rpc.network.name.clone(), simulated_apart: forecast.apart, ..RunReport::default() };
    let accepted = forecast.accepted.iter().flat_map(|(batch, _)| &batch.members);
    report.rows.extend(accepted.map(|due| record::row(rpc, due, Outcome::Charged)));
    report.rows.extend(forecast.refused.iter().map(|(due, reason)| {
        record::refused_row(rpc, due, *reason, &dunning::verdict(due.attempts, *reason, due.rails, now))
    }));
    report.rows.extend(forecast.unclear.iter().map(|(due, why)| record::error_row(rpc, due, why)));
    report.sort();
    Ok(report)
}

/// A run whose claims are made.
struct Run<'a> {
    pool: &'a PgPool,
    rpc: &'a Rpc,
    signer: &'a PrivateKeySigner,
    options: &'a RunOptions,
    now: OffsetDateTime,
    claims: HashMap<(alloy::primitives::B256, Address), Claimed>,
    report: RunReport,
}

impl Run<'_> {
    async fn carry_out(mut self, forecast: Forecast) -> Result<RunReport, ChargeError> {
        self.report.simulated_apart = forecast.apart;
        self.refuse(&forecast).await?;
        for (due, why) in &forecast.unclear {
            self.report.rows.push(record::error_row(self.rpc, due, why));
        }
        self.options.progress.finished(forecast.refused.len() + forecast.unclear.len());
        let sent = self.send_all(forecast.accepted).await?;
        self.await_receipts(sent).await?;
        Ok(self.report)
    }

    fn claim_of(&self, due: &Due) -> Option<&Claimed> {
        self.claims.get(&(due.plan_hash, due.subscriber))
    }

    async fn refuse(&mut self, forecast: &Forecast) -> Result<(), ChargeError> {
        let mut db_tx = self.pool.begin().await?;
        let mut rows = Vec::with_capacity(forecast.refused.len());
        for (due, reason) in &forecast.refused {
            let Some(claimed) = self.claim_of(due) else { continue };
            let worker = &self.options.worker_instance;
            rows.extend(record::refuse(&mut db_tx, self.rpc, claimed, worker, *reason, self.now).await?);
        }
        db_tx.commit().await?;
        self.report.rows.extend(rows);
        Ok(())
    }

    /// Sends until the node or the fee cap stands in the way; what is not sent by then stays due.
    async fn send_all(&mut self, accepted: Vec<(Batch, u64)>) -> Result<Vec<(ChainTx, Batch)>, ChargeError> {
        let mut sent = Vec::with_capacity(accepted.len());
        let mut obstacle = None;
        let mut quote = None;
        for (batch, gas_limit) in accepted {
            if obstacle.is_none() && self.options.stop.is_cancelled() {
                obstacle = Some("not sent: the process was told to stop".to_owned());
            }
            if obstacle.is_none() && quote.is_none() {
                match tx::quote(self.rpc, self.signer.address()).await {
                    Ok(found) => quote = Some(found),
                    Err(error) => obstacle = Some(error.to_string()),
                }
            }
            if let (None, Some(quote)) = (&obstacle, &quote) {
                match self.send(&batch, gas_limit, quote).await? {
                    Some(tx) => sent.push((tx, batch)),
                    None => self.leave(&batch, "not sent: claimed by another process or confirmed meanwhile"),
                }
            } else {
                self.leave(&batch, obstacle.as_deref().unwrap_or_default());
            }
        }
        Ok(sent)
    }

    fn leave(&mut self, batch: &Batch, why: &str) {
        let rows = batch.members.iter().map(|due| record::error_row(self.rpc, due, why));
        self.report.rows.extend(rows);
        self.options.progress.finished(batch.members.len());
    }

    /// Stores the transaction with its charges, then broadcasts it. `None` when a claim was lost: nothing is stored then.
    async fn send(&self, batch: &Batch, gas_limit: u64, quote: &tx::Quote) -> Result<Option<ChainTx>, ChargeError> {
        let call = batch.call(self.rpc.network.subscription_manager);
        let ids: Vec<_> = batch.members.iter().filter_map(|due| self.claim_of(due)).map(|claimed| claimed.id).collect();
        let mut db_tx = self.pool.begin().await?;
        let tx = tx::prepare_in_tx(&mut db_tx, self.rpc, self.signer, &call, gas_limit, quote).await?;
        let linked = repo::link(&mut db_tx, &ids, &self.options.worker_instance, tx.id, tx.hash).await?;
        if linked != batch.members.len() as u64 {
            return Ok(None);
        }
        db_tx.commit().await?;
        tx::broadcast(self.pool, self.rpc, &tx).await?;
        Ok(Some(tx))
    }

    async fn await_receipts(&mut self, mut sent: Vec<(ChainTx, Batch)>) -> Result<(), ChargeError> {
        let mut looks = self.options.receipt_wait.as_millis() / RECEIPT_POLL.as_millis() + 1;
        while !sent.is_empty() && looks > 0 {
            let mut waiting = Vec::with_capacity(sent.len());
            for (tx, batch) in sent {
                match self.receipt(&tx).await {
                    Ok(true) => self.options.progress.finished(batch.members.len()),
                    Ok(false) => waiting.push((tx, batch)),
                    Err(ChargeError::Chain(error)) => {
                        // The money is on its way; a node that does not answer changes nothing about that.
                        tracing::warn!(tx.hash = %tx.hash, "receipt: {error}");
                        waiting.push((tx, batch));
                    }
                    Err(error) => return Err(error),
                }
            }
            sent = waiting;
            looks = if self.options.stop.is_cancelled() { 0 } else { looks - 1 };
            if !sent.is_empty() && looks > 0 {
                tokio::select! {
                    () = self.options.stop.cancelled() => {}
                    () = tokio::time::sleep(RECEIPT_POLL) => {}
                }
            }
        }
        for (tx, batch) in sent {
            self.report.rows.extend(batch.members.iter().map(|due| {
                let mut row = record::row(self.rpc, due, Outcome::Pending);
                row.tx_hash = Some(tx.hash);
                row
            }));
        }
        Ok(())
    }

    async fn receipt(&mut self, tx: &ChainTx) -> Result<bool, ChargeError> {
        let Some(receipt) = chain::receipt(self.pool, self.rpc, tx).await? else { return Ok(false) };
        let rows = record::receipt(self.pool, self.rpc, tx, &receipt, self.now).await?;
        self.report.rows.extend(rows);
        Ok(true)
    }
}
