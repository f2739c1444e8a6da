//! What was asked and what was spoiled.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    /// Questions and spoiled answers.
    methods: Mutex<BTreeMap<String, (u64, u64)>>,
}

impl Counts {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asked(&self, method: &str) {
        self.methods().entry(method.to_owned()).or_default().0 += 1;
    }

    pub(super) fn spoiled(&self, method: &str) {
        self.methods().entry(method.to_owned()).or_default().1 += 1;
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn of(&self, method: &str) -> (u64, u64) {
        self.methods().get(method).copied().unwrap_or_default()
    }

    pub(super) fn sum(&self) -> (u64, u64) {
        self.methods().values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    }

    pub(super) fn by_method(&self) -> Vec<(String, u64, u64)> {
        self.methods().iter().map(|(method, (asked, spoiled))| (method.clone(), *asked, *spoiled)).collect()
    }

    pub(super) fn forget(&self) {
        self.requests.store(0, Ordering::Relaxed);
        self.methods().clear();
    }

    fn methods(&self) -> MutexGuard<'_, BTreeMap<String, (u64, u64)>> {
        self.methods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
