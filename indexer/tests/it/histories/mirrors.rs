//! Who mirrors while a history happens: an indexer within the test, or two replicas of the program that are killed.

use std::{process::Stdio, time::Duration};

use anyhow::Result;
use billing_core::chain::Network;
use rand::{Rng, rngs::StdRng};
use tempfile::NamedTempFile;
use test_support::{Child, Database, command};

use crate::world::{Running, cursor};

pub enum Mirrors {
    Inside(Running),
    Replicas { children: Vec<Child>, database: String, file: NamedTempFile },
}

impl Mirrors {
    /// Started when this returns.
    pub async fn inside(database: &Database, networks: Vec<Network>) -> Result<Self> {
        let running = Running::start(database.pool(), networks.clone());
        for network in &networks {
            while cursor(database.pool(), network).await?.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(Self::Inside(running))
    }

    /// Two of the program, with the networks of `text`.
    pub fn replicas(database: &Database, text: &str) -> Result<Self> {
        let file = NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let database = database.url().to_owned();
        let children = vec![spawn(&database, &file)?, spawn(&database, &file)?];
        Ok(Self::Replicas { children, database, file })
    }

    /// Time passes; with replicas one may be killed at any instant of it, and begin anew. Gives how many were.
    pub async fn pass(&mut self, random: &mut StdRng, time: Duration) -> Result<u64> {
        let Self::Replicas { children, database, file } = self else {
            tokio::time::sleep(time).await;
            return Ok(0);
        };
        let until = time.mul_f64(random.random());
        tokio::time::sleep(until).await;
        let mut killed = 0;
        if random.random_ratio(1, 3) {
            let which = random.random_range(0..children.len());
            children[which].kill();
            children[which] = spawn(database, file)?;
            killed = 1;
        }
        tokio::time::sleep(time - until).await;
        revive(children, database, file)?;
        Ok(killed)
    }

    pub async fn stop(self) -> Result<()> {
        match self {
            Self::Inside(running) => running.stop().await,
            Self::Replicas { .. } => Ok(()),
        }
    }

    /// Sees to it that there are mirrors, and ends when that cannot be.
    pub async fn watch_over(&mut self) -> anyhow::Error {
        let Self::Replicas { children, database, file } = self else { return self.ended().await };
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Err(error) = revive(children, database, file) {
                return error;
            }
        }
    }

    async fn ended(&self) -> anyhow::Error {
        match self {
            Self::Inside(running) => running.ended().await,
            Self::Replicas { .. } => std::future::pending().await,
        }
    }
}

/// A program that starts while its only node is bad ends, and is started again as by any supervisor.
fn revive(children: &mut [Child], database: &str, file: &NamedTempFile) -> Result<()> {
    for child in children {
        if child.status()?.is_some() {
            *child = spawn(database, file)?;
        }
    }
    Ok(())
}

fn spawn(database: &str, file: &NamedTempFile) -> Result<Child> {
    let mut indexer = command(env!("CARGO_BIN_EXE_billing-indexer"));
    indexer.env("DATABASE_URL", database).env("BILLING_NETWORKS", file.path());
    indexer.stdout(Stdio::null()).stderr(Stdio::null());
    Child::spawn(indexer)
}
