//! What a mirror holds, to be compared with what another one holds.

use std::time::Duration;

use alloy::{eips::BlockId, primitives::B256, providers::Provider};
use anyhow::{Context, Result, ensure};
use billing_core::{chain::Network, ids::ChainId};
use sqlx::PgPool;
use test_support::{Chain, Database};
use tokio::task::JoinHandle;

use crate::world::once;

/// A mirror made at once by a node without faults.
pub async fn fresh(networks: Vec<Network>) -> Result<Database> {
    let database = Database::new().await;
    once(database.pool(), networks).await?;
    Ok(database)
}

/// Every row of the log and of the projections as text, in order. No event and none any more is the same.
async fn rows(pool: &PgPool) -> Result<Vec<String>> {
    let sql = "select 'chain_log ' || log::text from chain_log as log
               union all select 'chain_event_sequence ' || sequence::text from chain_event_sequence as sequence
                          where last_sequence > 0
               union all select 'chain_cursor ' || concat_ws(',', chain_id, block_number, block_hash, block_time)
                           from chain_cursor
               union all select 'billing_plan_state ' || plan::text from billing_plan_state as plan
               union all select 'billing_subscription_state ' || state::text from billing_subscription_state as state
               union all select 'billing_native_deposit ' || deposit::text from billing_native_deposit as deposit
               union all select 'billing_marketplace_sale ' || sale::text from billing_marketplace_sale as sale
               union all select 'billing_listing_revocation ' || gone::text from billing_listing_revocation as gone
               union all select 'billing_charge ' || charge::text from billing_charge as charge
               order by 1";
    Ok(sqlx::query_scalar(sql).fetch_all(pool).await?)
}

/// Row for row the same as in the other one.
pub async fn assert_same(pool: &PgPool, other: &PgPool) -> Result<()> {
    let (found, right) = (rows(pool).await?, rows(other).await?);
    let lacking = |these: &[String], those: &[String]| {
        these.iter().filter(|row| !those.contains(row)).take(3).cloned().collect::<Vec<_>>()
    };
    let (missing, wrong) = (lacking(&right, &found), lacking(&found, &right));
    let (has, should) = (found.len(), right.len());
    ensure!(found == right, "{has} rows in place of {should}; missing {missing:#?}, wrong {wrong:#?}");
    ensure!(has > 1, "nothing was compared");
    Ok(())
}

/// What was seen of a mirror at one instant.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq)]
struct Seen {
    block_number: i64,
    block_hash: Vec<u8>,
    above: i64,
    digest: Option<String>,
}

/// Looks at a mirror all the time, to find it wrong for an instant.
pub struct Watch {
    task: JoinHandle<Result<Vec<Seen>>>,
    stop: tokio_util::sync::CancellationToken,
}

impl Watch {
    /// Begins to look.
    pub fn start(pool: &PgPool, chain_id: ChainId) -> Self {
        let (pool, stop) = (pool.clone(), tokio_util::sync::CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let sql = "select block_number, block_hash,
                              (select count(*) from chain_log as log
                                where log.chain_id = at.chain_id and log.block_number > at.block_number) as above,
                              (select md5(string_agg(log::text, ' ' order by log.block_number, log.log_index))
                                 from chain_log as log where log.chain_id = at.chain_id) as digest
                         from chain_cursor as at where chain_id = $1";
            let mut seen: Vec<Seen> = Vec::new();
            while !stopped.is_cancelled() {
                let now = sqlx::query_as::<_, Seen>(sql).bind(chain_id).fetch_optional(&pool).await?;
                seen.extend(now.filter(|now| seen.last() != Some(now)));
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            Ok(seen)
        });
        Self { task, stop }
    }

    /// Says what was ever wrong: a cursor that is not on the chain, or logs that are not all of its blocks' up to the cursor.
    /// The chain had no reorganisation. Gives the number of states compared.
    pub async fn assert_never_wrong(self, chain: &Chain, reference: &PgPool) -> Result<usize> {
        self.stop.cancel();
        let seen = self.task.await??;
        let chain_id = i64::try_from(chain.chain_id())?;
        for state in &seen {
            let number = state.block_number;
            let block = chain.provider().get_block(BlockId::number(number.unsigned_abs())).await?.context("a block")?;
            ensure!(
                B256::from_slice(&state.block_hash) == block.header.hash,
                "the cursor was on another block {number}"
            );
            let sql = "select md5(string_agg(log::text, ' ' order by block_number, log_index))
                         from chain_log as log where chain_id = $1 and block_number <= $2";
            let right: Option<String> =
                sqlx::query_scalar(sql).bind(chain_id).bind(number).fetch_one(reference).await?;
            ensure!(state.above == 0, "{} logs above the cursor at {number}", state.above);
            ensure!(state.digest == right, "wrong logs while the cursor was at {number}");
        }
        Ok(seen.len())
    }
}
