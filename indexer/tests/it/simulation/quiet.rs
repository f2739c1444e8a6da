//! Where mirrors stand, and where they have to.

use std::time::{Duration, Instant};

use alloy::primitives::B256;
use anyhow::{Result, bail};
use billing_core::mirror;
use sqlx::PgPool;

use super::network::Simulated;

/// How long a mirror may stand still where nothing is wrong.
const STANDSTILL: Duration = Duration::from_secs(45);

/// Waits for mirrors as long as they move.
pub struct Wait<'a> {
    pool: &'a PgPool,
    last: Vec<Option<(i64, B256)>>,
    moved: Instant,
}

impl<'a> Wait<'a> {
    pub fn new(pool: &'a PgPool) -> Self {
        Self { pool, last: Vec::new(), moved: Instant::now() }
    }

    /// Whether all stand at the heads of their chains, by hash; one that stands still elsewhere is an error.
    pub async fn is_over(&mut self, all: &[Simulated]) -> Result<bool> {
        let (mut at, mut right) = (Vec::new(), true);
        let mut conn = self.pool.acquire().await?;
        for simulated in all {
            let cursor = mirror::cursor(&mut conn, simulated.network.chain_id).await?;
            let wanted = simulated.chain.head().number - simulated.network.confirmations;
            right &= cursor.is_some_and(|cursor| Some(cursor.hash) == simulated.chain.hash_at(wanted));
            at.push(cursor.map(|cursor| (cursor.number, cursor.hash)));
        }
        if at != self.last {
            (self.last, self.moved) = (at, Instant::now());
        }
        if !right && self.moved.elapsed() > STANDSTILL {
            let heads: Vec<_> = all.iter().map(|simulated| simulated.chain.head()).collect();
            bail!("the mirrors stand still at {:?}, the heads are {heads:?}", self.last);
        }
        Ok(right)
    }

    /// Until all do.
    pub async fn until_over(mut self, all: &[Simulated]) -> Result<()> {
        while !self.is_over(all).await? {
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        Ok(())
    }
}
