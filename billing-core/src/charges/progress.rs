use std::sync::atomic::{AtomicU64, Ordering};

/// How far a run is, for somebody who watches.
#[derive(Debug, Default)]
pub struct Progress {
    due: AtomicU64,
    done: AtomicU64,
}

impl Progress {
    /// Subscriptions looked at so far, and all that are due in this run.
    #[must_use]
    pub fn done_of(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.due.load(Ordering::Relaxed))
    }

    pub(super) fn found(&self, due: usize) {
        self.due.fetch_add(due as u64, Ordering::Relaxed);
    }

    pub(super) fn finished(&self, members: usize) {
        self.done.fetch_add(members as u64, Ordering::Relaxed);
    }
}
