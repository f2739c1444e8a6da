//! One node, and what was learnt of it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy::rpc::json_rpc::RequestPacket;
use tokio::time::Instant;

use crate::{
    ask::{self, Outcome},
    bucket::Bucket,
    caps::Caps,
    class::Class,
    health::Health,
    identity::Identity,
    latency::Latency,
    limits::AtMost,
    method::Kind,
    metrics, seen,
    wire::Wire,
};

/// Host and port of a url: what may be told of it, for the rest may hold a key.
#[must_use]
pub fn host(url: &str) -> String {
    url.parse::<reqwest::Url>()
        .ok()
        .and_then(|url| {
            let host = url.host_str()?.to_owned();
            Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
        })
        .unwrap_or_else(|| "(url that does not parse)".to_owned())
}

pub(crate) struct Node {
    pub(crate) host: String,
    wire: Box<dyn Wire>,
    learnt: Mutex<Learnt>,
}

pub(crate) struct Learnt {
    pub(crate) health: Health,
    pub(crate) bucket: Bucket,
    pub(crate) latency: Latency,
    pub(crate) caps: Caps,
    pub(crate) identity: Identity,
    /// Highest block it was seen to have.
    pub(crate) head: Option<u64>,
}

impl Node {
    pub(crate) fn new(host: String, wire: Box<dyn Wire>) -> Self {
        let now = Instant::now();
        let learnt = Learnt {
            health: Health::new(now),
            bucket: Bucket::new(now),
            latency: Latency::default(),
            caps: Caps::default(),
            identity: Identity::Unknown,
            head: None,
        };
        Self { host, wire, learnt: Mutex::new(learnt) }
    }

    /// Every value in it is whole after each change, so a panic elsewhere leaves nothing half-done.
    pub(crate) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the node must be left alone; takes a token where that is not at all.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut learnt = self.learnt();
        let cooling = learnt.health.cooling(now);
        if cooling > Duration::ZERO { Err(cooling) } else { learnt.bucket.take(now) }
    }

    /// Asks once, and learns from what becomes of it.
    pub(crate) async fn ask(&self, packet: &RequestPacket) -> Outcome {
        let (kind, begun) = (Kind::of(packet), Instant::now());
        metrics::asked(&self.host, kind);
        let outcome = ask::ask(&*self.wire, packet).await;
        let (time, span) = (begun.elapsed(), seen::span(packet));
        let mut learnt = self.learnt();
        match &outcome {
            Ok(answer) => {
                metrics::answered(&self.host, kind, time);
                learnt.health.answered();
                learnt.latency.took(kind, time);
                learnt.head = learnt.head.max(seen::head(packet, answer));
                if let Some(span) = span {
                    learnt.caps.answered(span);
                }
            }
            Err((class, error)) => {
                metrics::failed(&self.host, kind, class);
                tracing::debug!(node = self.host, method = kind.name(), class = class.name(), %error, "not answered");
                learnt.fault(class, span);
            }
        }
        outcome
    }
}

impl Learnt {
    fn fault(&mut self, class: &Class, span: Option<u64>) {
        let now = Instant::now();
        match class {
            Class::RateLimited { retry_after } => self.bucket.refused(now, *retry_after),
            Class::Transient | Class::Garbage => self.health.failed(now),
            // It may have gone back: a head is believed only as long as nothing speaks against it.
            Class::Lagging => self.head = None,
            Class::TooLarge { at_most } => {
                if let Some(span) = span {
                    let named = at_most.map(|at_most| match at_most {
                        AtMost::Span(span) => span,
                        AtMost::Range(from, to) => (to - from).saturating_add(1),
                    });
                    self.caps.refused(span, named);
                }
            }
            Class::Pruned | Class::Refused => self.health.answered(),
        }
    }
}
