use std::{
    future,
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache, ops::compute::Op};

use super::{MARK, TTL};

/// Plans kept at most.
const PLANS_MAX: u64 = 10_000;

#[derive(Clone, Debug)]
enum Entry {
    Plan(Arc<str>),
    /// Changed a moment ago.
    Mark,
}

/// Plans of this process.
#[derive(Clone, Debug)]
pub(super) struct Memory(Cache<String, Entry>);

struct Lifetimes;

impl Expiry<String, Entry> for Lifetimes {
    fn expire_after_create(&self, _: &String, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(match entry {
            Entry::Plan(_) => TTL,
            Entry::Mark => MARK,
        })
    }

    fn expire_after_update(&self, key: &String, entry: &Entry, now: Instant, _: Option<Duration>) -> Option<Duration> {
        self.expire_after_create(key, entry, now)
    }
}

impl Memory {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(PLANS_MAX).expire_after(Lifetimes).build())
    }

    pub(super) async fn find(&self, plan_hash: &str) -> Option<String> {
        match self.0.get(plan_hash).await? {
            Entry::Plan(json) => Some(json.as_ref().to_owned()),
            Entry::Mark => None,
        }
    }

    pub(super) async fn fill(&self, plan_hash: &str, json: &str) {
        let plan = Entry::Plan(json.into());
        self.0
            .entry_by_ref(plan_hash)
            .and_compute_with(|there| future::ready(if there.is_some() { Op::Nop } else { Op::Put(plan) }))
            .await;
    }

    pub(super) async fn drop_plan(&self, plan_hash: &str) {
        self.0.insert(plan_hash.to_owned(), Entry::Mark).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_read_that_began_before_a_change_does_not_bring_the_old_plan_back() {
        let memory = Memory::new();
        memory.fill("a", "old").await;
        assert_eq!(memory.find("a").await.as_deref(), Some("old"));
        memory.drop_plan("a").await;
        memory.fill("a", "old").await;
        assert_eq!(memory.find("a").await, None);
    }
}
