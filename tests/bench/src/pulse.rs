//! How long the machine itself takes meanwhile: a bare commit on the same server, a bare request to the same node.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy::providers::{Provider, RootProvider};
use anyhow::Result;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use bench::figures::{Report, percentile};

const BEAT: Duration = Duration::from_millis(200);

/// Milliseconds.
type Waits = Arc<Mutex<Vec<f64>>>;

/// Beats until it is told or dropped.
#[derive(Debug)]
pub struct Pulse {
    commits: Waits,
    answers: Waits,
    _tasks: JoinSet<Result<()>>,
}

impl Pulse {
    /// A table of its own in the database at `url`, and the node at `node`.
    pub async fn start(url: &str, node: &str) -> Result<Self> {
        let mut conn = PgConnection::connect(url).await?;
        sqlx::query("create table bench_pulse (beat bigint)").execute(&mut conn).await?;
        let provider = RootProvider::<alloy::network::Ethereum>::new_http(node.parse()?);
        let (commits, answers, mut tasks) = (Waits::default(), Waits::default(), JoinSet::new());
        let (its_commits, its_answers) = (Arc::clone(&commits), Arc::clone(&answers));
        tasks.spawn(async move {
            loop {
                let begun = Instant::now();
                sqlx::query("insert into bench_pulse values (1)").execute(&mut conn).await?;
                note(&its_commits, begun).await;
            }
        });
        tasks.spawn(async move {
            loop {
                let begun = Instant::now();
                provider.get_block_number().await?;
                note(&its_answers, begun).await;
            }
        });
        Ok(Self { commits, answers, _tasks: tasks })
    }

    /// What was seen.
    pub fn tell(self, report: &mut Report) {
        for (name, waits) in [("live_bare_commit", self.commits), ("live_bare_request", self.answers)] {
            let waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
            report.tell(format!("{name}_p95"), percentile(&waits, 95), "ms");
            report.tell(format!("{name}_max"), percentile(&waits, 100), "ms");
        }
    }
}

async fn note(waits: &Waits, begun: Instant) {
    waits.lock().unwrap_or_else(PoisonError::into_inner).push(begun.elapsed().as_secs_f64() * 1_000.0);
    tokio::time::sleep(BEAT).await;
}
