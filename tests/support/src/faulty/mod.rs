//! A JSON-RPC node that misbehaves: it stands before a good one and spoils its answers as bad providers do.

mod after;
mod before;
mod call;
mod counts;
mod fault;
mod provider;
mod server;
mod upstream;
mod view;

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicU64};

use anyhow::Result;
use axum::{Router, extract::DefaultBodyLimit, routing::post};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinHandle};

pub use fault::{Fault, Garbage, Lose, When};
pub use provider::Provider;

use counts::Counts;
use upstream::Upstream;

/// A node before another one, good until told otherwise. Single requests and batches are taken; a batch goes on as one
/// request. It ends when this value is dropped.
#[derive(Debug)]
pub struct FaultyNode {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    upstream: Upstream,
    active: Mutex<Vec<Active>>,
    random: Mutex<StdRng>,
    counts: Counts,
    /// The second for which requests are counted, and how many there were in it.
    second: Mutex<(std::time::Instant, u64)>,
}

/// A fault that is on.
#[derive(Clone, Debug)]
struct Active {
    fault: Fault,
    turns: Arc<AtomicU64>,
}

impl FaultyNode {
    /// Starts before the node at `upstream`. The seed decides what happens at random.
    pub async fn start(upstream: impl Into<String>, seed: u64) -> Result<Self> {
        let shared = Arc::new(Shared {
            upstream: Upstream::new(upstream.into()),
            active: Mutex::default(),
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            counts: Counts::default(),
            second: Mutex::new((std::time::Instant::now(), 0)),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(server::answer)).layer(DefaultBodyLimit::disable());
        let router = router.with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, shared, server })
    }

    /// Its own URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it has this fault and no other.
    pub fn set(&self, fault: Fault) {
        self.set_all([fault]);
    }

    /// From now on it has these faults and no others.
    pub fn set_all(&self, faults: impl IntoIterator<Item = Fault>) {
        let active = faults.into_iter().map(|fault| Active { fault, turns: Arc::default() }).collect();
        *self.shared.active.lock().unwrap_or_else(PoisonError::into_inner) = active;
    }

    /// From now on it is a good node. Requests that hang stay so.
    pub fn heal(&self) {
        self.set_all([]);
    }

    /// HTTP requests that came; a batch is one.
    pub fn requests(&self) -> u64 {
        self.shared.counts.requests()
    }

    /// Questions of this method that came, in batches too.
    pub fn calls(&self, method: &str) -> u64 {
        self.shared.counts.of(method).0
    }

    /// Questions of all methods that came, in batches too.
    pub fn all_calls(&self) -> u64 {
        self.shared.counts.sum().0
    }

    /// Answers that were not the good node's, came late or never.
    pub fn spoiled(&self) -> u64 {
        self.shared.counts.sum().1
    }

    /// The same of one method.
    pub fn spoiled_of(&self, method: &str) -> u64 {
        self.shared.counts.of(method).1
    }

    /// Questions and spoiled answers by method, in alphabetical order.
    pub fn by_method(&self) -> Vec<(String, u64, u64)> {
        self.shared.counts.by_method()
    }

    /// Counts from zero again.
    pub fn forget_counts(&self) {
        self.shared.counts.forget();
    }
}

impl Drop for FaultyNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn active(&self) -> Vec<Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_due(&self, active: &Active, when: When) -> bool {
        when.is_due(&active.turns, &self.random)
    }

    /// Counts a request; whether it is one too many in this second.
    fn is_too_many(&self, per_second: u64) -> bool {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.0.elapsed().as_secs() > 0 {
            *second = (std::time::Instant::now(), 0);
        }
        second.1 += 1;
        second.1 > per_second
    }
}
