//! What requests, scripts and deliveries share.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinSet};

use super::{
    Fault, Request, account::Account, deliver::deliver, fault::Planned, form::Form, keys::Keys, refusal::Refusal,
};

/// Requests that are remembered.
const REMEMBERED: usize = 10_000;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) account: Mutex<Account>,
    pub(super) keys: Mutex<Keys>,
    pub(super) faults: Mutex<Vec<Planned>>,
    pub(super) requests: Mutex<VecDeque<Request>>,
    pub(super) webhook: Mutex<Option<String>>,
    pub(super) deliveries: Mutex<JoinSet<()>>,
    pub(super) http: reqwest::Client,
    pub(super) runtime: Handle,
    pub(super) secret_key: String,
    pub(super) webhook_secret: String,
    pub(super) retries: Vec<Duration>,
}

impl Shared {
    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        locked(&self.account)
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, Keys> {
        locked(&self.keys)
    }

    pub(super) fn note(&self, request: &Request) {
        let mut requests = locked(&self.requests);
        if requests.len() == REMEMBERED {
            requests.pop_front();
        }
        requests.push_back(request.clone());
    }

    pub(super) fn fault_of(&self, request: &Request) -> Option<Fault> {
        let mut faults = locked(&self.faults);
        let at =
            faults.iter().position(|planned| planned.method == request.method && request.path.contains(&planned.path));
        at.map(|at| faults.remove(at).fault)
    }

    pub(super) fn begin(&self, key: &str, path: &str, form: &Form) -> Result<Option<(u16, String)>, Refusal> {
        let now = self.account().now();
        self.keys().begin(key, path, form, now)
    }

    pub(super) fn send_events(self: &Arc<Self>) {
        let Some(url) = locked(&self.webhook).clone() else { return };
        let events = std::mem::take(&mut self.account().events);
        let mut deliveries = locked(&self.deliveries);
        while deliveries.try_join_next().is_some() {}
        for event in events {
            deliveries.spawn_on(deliver(Arc::clone(self), url.clone(), event), &self.runtime);
        }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
