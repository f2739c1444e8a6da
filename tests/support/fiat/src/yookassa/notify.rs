//! Notifications: each is posted until it is answered with exactly 200, or nobody tries any more.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::shop::Event;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Courier {
    client: reqwest::Client,
    runtime: Handle,
    end: CancellationToken,
    retries: Vec<Duration>,
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Desk {
    webhook: Option<String>,
    /// Deliveries of each.
    copies: u32,
    /// `Some` while they are kept for the test to take.
    held: Option<Vec<Value>>,
}

impl Courier {
    pub(super) fn new(webhook: Option<String>, retries: Vec<Duration>, end: CancellationToken) -> Self {
        let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().timeout(PATIENCE).build();
        Self {
            client: client.expect("a client without settings that could be wrong"),
            runtime: Handle::current(),
            end,
            retries,
            desk: Mutex::new(Desk { webhook, copies: 1, held: None }),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_webhook(&self, webhook: Option<String>) {
        self.desk().webhook = webhook;
    }

    pub(super) fn set_copies(&self, copies: u32) {
        self.desk().copies = copies;
    }

    /// Later ones wait in a list, or go out again; what waited is lost then.
    pub(super) fn hold(&self, hold: bool) {
        self.desk().held = hold.then(Vec::new);
    }

    pub(super) fn take(&self) -> Vec<Value> {
        self.desk().held.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn deliver(&self, events: Vec<Event>) {
        let mut desk = self.desk();
        for Event { name, object } in events {
            let body = json!({ "type": "notification", "event": name, "object": object });
            let copies = std::iter::repeat_n(body, usize::try_from(desk.copies).unwrap_or(1));
            if let Some(held) = &mut desk.held {
                held.extend(copies);
            } else if let Some(webhook) = &desk.webhook {
                for body in copies {
                    self.post(webhook.clone(), body);
                }
            }
        }
    }

    fn post(&self, webhook: String, body: Value) {
        let (client, retries, end) = (self.client.clone(), self.retries.clone(), self.end.clone());
        self.runtime.spawn(end.run_until_cancelled_owned(async move {
            for pause in std::iter::once(Duration::ZERO).chain(retries) {
                tokio::time::sleep(pause).await;
                let answer = client.post(&webhook).json(&body).send().await;
                if answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK) {
                    return;
                }
            }
        }));
    }
}
