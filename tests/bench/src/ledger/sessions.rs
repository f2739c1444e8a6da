//! Sessions that callers hand on. A pool would ask each one on its return whether it is alive: a second round trip for every transfer, which
//! is no cost of the ledger, nor of pgbench's clients, who keep theirs.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::Semaphore;

#[derive(Clone, Debug)]
pub struct Sessions {
    idle: Arc<Mutex<Vec<PgConnection>>>,
    /// As many as are idle, or about to be.
    places: Arc<Semaphore>,
}

impl Sessions {
    pub async fn open(pool: &PgPool, number: usize) -> Result<Self> {
        let mut idle = Vec::new();
        for _ in 0..number {
            idle.push(PgConnection::connect_with(&pool.connect_options()).await?);
        }
        Ok(Self { idle: Arc::new(Mutex::new(idle)), places: Arc::new(Semaphore::new(number)) })
    }

    /// Waits for one that is idle, in the order of asking.
    pub async fn take(&self) -> Result<PgConnection> {
        self.places.acquire().await?.forget();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().context("no session is idle")
    }

    pub fn give_back(&self, session: PgConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        self.places.add_permits(1);
    }
}
