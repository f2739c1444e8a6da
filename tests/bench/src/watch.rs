//! When blocks became readable in the database: a connection of its own listens as the product's own readers do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use billing_core::outbox::CHANNEL;
use sqlx::{Connection, PgConnection, postgres::PgListener};
use tokio::task::JoinSet;

/// By chain, where its mirror was seen to stand and since when; ascending.
type Seen = BTreeMap<u64, Vec<(u64, Instant)>>;

/// Notes each step of each mirror of a database until it is dropped.
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    _task: JoinSet<Result<()>>,
}

impl Watch {
    pub async fn start(url: &str) -> Result<Self> {
        let (mut listener, mut reader) = (PgListener::connect(url).await?, PgConnection::connect(url).await?);
        listener.listen(CHANNEL).await?;
        let (seen, mut task) = (Arc::<Mutex<Seen>>::default(), JoinSet::new());
        let notes = seen.clone();
        task.spawn(async move {
            loop {
                listener.recv().await?;
                let cursors = sqlx::query_as("select chain_id, block_number from chain_cursor");
                let cursors: Vec<(i64, i64)> = cursors.fetch_all(&mut reader).await?;
                note(&mut notes.lock().unwrap_or_else(PoisonError::into_inner), &cursors, Instant::now());
            }
        });
        Ok(Self { seen, _task: task })
    }

    /// When a block was first readable; `None` while it is not.
    pub fn seen(&self, chain_id: u64, block: u64) -> Option<Instant> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = seen.get(&chain_id)?;
        steps.get(steps.partition_point(|(reached, _)| *reached < block)).map(|(_, at)| *at)
    }

    /// Waits until a block is readable.
    pub async fn wait(&self, chain_id: u64, block: u64, patience: Duration) -> Result<()> {
        let start = Instant::now();
        while self.seen(chain_id, block).is_none() {
            if start.elapsed() > patience {
                bail!("block {block} of chain {chain_id} was not mirrored within {patience:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

fn note(seen: &mut Seen, cursors: &[(i64, i64)], now: Instant) {
    for (chain_id, block) in cursors {
        let steps = seen.entry(chain_id.unsigned_abs()).or_default();
        if steps.last().is_none_or(|(reached, _)| *reached < block.unsigned_abs()) {
            steps.push((block.unsigned_abs(), now));
        }
    }
}

/// Milliseconds from when each block was mined until it was readable; none when the reader was told first.
pub fn lags(watch: &Watch, chain_id: u64, mined: &[(u64, Instant)]) -> Vec<f64> {
    let lag = |(block, at): &(u64, Instant)| {
        let seen = watch.seen(chain_id, *block)?;
        Some(seen.saturating_duration_since(*at).as_secs_f64() * 1_000.0)
    };
    mined.iter().filter_map(lag).collect()
}
