//! What Prometheus is told, by node and kind of question.

use std::{sync::LazyLock, time::Duration};

use prometheus::{HistogramVec, IntCounterVec, histogram_opts, register_histogram_vec, register_int_counter_vec};

use crate::{class::Class, method::Kind};

const ONCE: &str = "each name is registered once";

static CALLS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_node_calls_total", "Questions to a node", &["node", "method"]).expect(ONCE)
});
static ERRORS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let labels = &["node", "method", "class"];
    register_int_counter_vec!("billing_node_errors_total", "Errors of a node, by what helps", labels).expect(ONCE)
});
static LATENCY: LazyLock<HistogramVec> = LazyLock::new(|| {
    let buckets = vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];
    let options = histogram_opts!("billing_node_seconds", "Time to a node's good answer", buckets);
    register_histogram_vec!(options, &["node", "method"]).expect(ONCE)
});

pub(crate) fn asked(node: &str, kind: Kind) {
    CALLS.with_label_values(&[node, kind.name()]).inc();
}

pub(crate) fn answered(node: &str, kind: Kind, time: Duration) {
    LATENCY.with_label_values(&[node, kind.name()]).observe(time.as_secs_f64());
}

pub(crate) fn failed(node: &str, kind: Kind, class: &Class) {
    ERRORS.with_label_values(&[node, kind.name(), class.name()]).inc();
}
