//! Sessions that callers hand on. A pool would ask each one on its return whether it is alive: a second round trip for every transfer, which
//! is no cost of the ledger, nor of pgbench's clients, who keep theirs.

use std::sync::Arc;

use anyhow::{Context, Result};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::{Mutex, mpsc};

#[derive(Clone, Debug)]
pub struct Sessions {
    free: Arc<Mutex<mpsc::UnboundedReceiver<PgConnection>>>,
    given_back: mpsc::UnboundedSender<PgConnection>,
}

impl Sessions {
    pub async fn open(pool: &PgPool, number: usize) -> Result<Self> {
        let (given_back, free) = mpsc::unbounded_channel();
        for _ in 0..number {
            given_back.send(PgConnection::connect_with(&pool.connect_options()).await?)?;
        }
        Ok(Self { free: Arc::new(Mutex::new(free)), given_back })
    }

    /// Waits for one that is free.
    pub async fn take(&self) -> Result<PgConnection> {
        self.free.lock().await.recv().await.context("no sessions")
    }

    pub fn give_back(&self, session: PgConnection) {
        // Nobody takes any more: it is closed.
        drop(self.given_back.send(session));
    }
}
