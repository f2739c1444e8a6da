use std::{sync::LazyLock, time::Duration};

use prometheus::{HistogramVec, IntCounterVec, register_histogram_vec, register_int_counter_vec};

static REQUESTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("http_requests_total", "Requests answered", &["method", "path", "status"])
        .expect("registered once")
});
static DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!("http_request_duration_seconds", "From a request's head to its answer's head", &["path"])
        .expect("registered once")
});
static PLAN_CACHE: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_plan_cache_total", "Reads of cached plans", &["result"])
        .expect("registered once")
});

static WEBHOOK: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_webhook_total", "Notifications of providers", &["provider", "outcome"])
        .expect("registered once")
});

/// What becomes of notifications.
const WEBHOOK_OUTCOMES: [&str; 8] = [
    "new",
    "known",
    "not-kept",
    "foreign-address",
    "bad-signature",
    "stale-signature",
    "malformed-notification",
    "body-too-large",
];

/// Shows a provider's series at zero before its first notification.
pub(crate) fn announce_webhooks(provider: &str) {
    for outcome in WEBHOOK_OUTCOMES {
        WEBHOOK.with_label_values(&[provider, outcome]).inc_by(0);
    }
}

/// Counts a notification; only of providers that are configured.
pub(crate) fn webhook(provider: &str, outcome: &str) {
    WEBHOOK.with_label_values(&[provider, outcome]).inc();
}

/// Counts an answer. `path` is the route's pattern, so that callers cannot make new series.
pub(crate) fn answered(method: &str, path: &str, status: u16, took: Duration) {
    REQUESTS.with_label_values(&[method, path, &status.to_string()]).inc();
    DURATION.with_label_values(&[path]).observe(took.as_secs_f64());
}

/// What a look into the plan cache gave.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CacheResult {
    Hit,
    Miss,
    /// The cache could not be asked; the database was.
    Error,
}

pub(crate) fn plan_cache(result: CacheResult) {
    let label = match result {
        CacheResult::Hit => "hit",
        CacheResult::Miss => "miss",
        CacheResult::Error => "error",
    };
    PLAN_CACHE.with_label_values(&[label]).inc();
}

/// Shows the cache's series at zero before its first use.
pub(crate) fn announce() {
    for label in ["hit", "miss", "error"] {
        PLAN_CACHE.with_label_values(&[label]).inc_by(0);
    }
}
