//! How long a node usually takes.

use std::time::Duration;

use crate::method::Kind;

/// A hedge costs a second question: none is asked sooner than this, however quick the node is.
const SOONEST: Duration = Duration::from_millis(150);
/// Where nothing is known of a node yet.
const UNKNOWN: Duration = Duration::from_secs(2);
/// Times its usual latency that a node may take before another is asked too.
const PATIENCE: u32 = 4;

/// Running means by kind of question, each new answer weighing an eighth.
#[derive(Debug, Default)]
pub(crate) struct Latency([Option<Duration>; Kind::COUNT]);

impl Latency {
    pub(crate) fn took(&mut self, kind: Kind, time: Duration) {
        let mean = &mut self.0[kind.index()];
        *mean = Some(mean.map_or(time, |mean| (mean * 7 + time) / 8));
    }

    /// When a second node is asked.
    pub(crate) fn hedge_after(&self, kind: Kind) -> Duration {
        self.0[kind.index()].map_or(UNKNOWN, |mean| (mean * PATIENCE).max(SOONEST))
    }
}
