//! Plans by hash, so that the many who read a plan do not reach the database.
//!
//! Invariant: what a change of a plan dropped is not filled again by a read that began before it. A drop leaves a mark
//! for longer than any request lives, and a fill never overwrites.

mod memory;
mod redis;

use std::time::Duration;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};

use self::{memory::Memory, redis::Redis};
use crate::metrics::{self, CacheResult};

/// How long a plan is kept when nobody says that it changed.
pub(crate) const TTL: Duration = Duration::from_secs(300);
/// How long a drop keeps fills away: past the longest request.
const MARK: Duration = Duration::from_secs(20);

/// Redis where one is configured, else this process's memory. Trouble of Redis is a miss.
#[derive(Clone, Debug)]
pub struct PlanCache {
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    Memory(Memory),
    Redis(Redis),
}

impl PlanCache {
    /// Connects when first used: a Redis that is down does not keep the process from starting.
    ///
    /// # Errors
    /// A url that does not parse.
    pub fn open(redis_url: Option<&SecretString>) -> anyhow::Result<Self> {
        metrics::announce();
        let store = match redis_url {
            None => Store::Memory(Memory::new()),
            Some(url) => Store::Redis(Redis::open(url.expose_secret()).context("REDIS_URL is not a Redis url")?),
        };
        Ok(Self { store })
    }

    /// The plan's JSON.
    pub(crate) async fn find(&self, plan_hash: &str) -> Option<String> {
        let found = match &self.store {
            Store::Memory(memory) => Ok(memory.find(plan_hash).await),
            Store::Redis(redis) => redis.find(&key(plan_hash)).await,
        };
        metrics::plan_cache(match &found {
            Ok(Some(_)) => CacheResult::Hit,
            Ok(None) => CacheResult::Miss,
            Err(_) => CacheResult::Error,
        });
        found.unwrap_or_default()
    }

    /// Keeps a plan that was read from the database, unless it changed meanwhile.
    pub(crate) async fn fill(&self, plan_hash: &str, json: &str) {
        match &self.store {
            Store::Memory(memory) => memory.fill(plan_hash, json).await,
            Store::Redis(redis) => redis.fill(&key(plan_hash), json).await,
        }
    }

    /// Forgets a plan that changed.
    ///
    /// # Errors
    /// Redis did not take it; to be tried again.
    pub(crate) async fn drop_plan(&self, plan_hash: &str) -> anyhow::Result<()> {
        match &self.store {
            Store::Memory(memory) => memory.drop_plan(plan_hash).await,
            Store::Redis(redis) => redis.drop_plan(&key(plan_hash)).await?,
        }
        Ok(())
    }
}

fn key(plan_hash: &str) -> String {
    format!("billing:plan:{plan_hash}")
}
