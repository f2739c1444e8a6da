//! Callers that each wait for their answer before they ask again.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Result;
use bench::figures::percentile;
use tokio::task::JoinSet;

/// What all of them together were given.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub per_second: f64,
    /// Of one request, ms.
    pub p99: f64,
}

/// Lets so many callers ask for so long. `ask` does one request and says how many operations it was.
pub async fn drive<F, A>(callers: usize, lasting: Duration, ask: F) -> Result<Pace>
where
    F: Fn(usize, u64) -> A + Clone + Send + 'static,
    A: Future<Output = Result<u32>> + Send + 'static,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let ask = ask.clone();
        tasks.spawn(async move {
            let (mut done, mut waits) = (0, Vec::new());
            for number in 0.. {
                let begun = Instant::now();
                done += u64::from(ask(caller, number).await?);
                waits.push(begun.elapsed().as_secs_f64() * 1_000.0);
                if start.elapsed() >= lasting {
                    break;
                }
            }
            anyhow::Ok((done, waits))
        });
    }
    let (mut done, mut waits) = (0, Vec::new());
    while let Some(caller) = tasks.join_next().await {
        let (its, waited) = caller??;
        done += its;
        waits.extend(waited);
    }
    let per_second = bench::figures::float(done) / start.elapsed().as_secs_f64();
    Ok(Pace { per_second, p99: percentile(&waits, 99) })
}
