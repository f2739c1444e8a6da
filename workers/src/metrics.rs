use std::sync::LazyLock;

use billing_core::charges::RunReport;
use prometheus::{HistogramVec, IntCounterVec, exponential_buckets, register_histogram_vec, register_int_counter_vec};

static SUCCESS: LazyLock<IntCounterVec> =
    LazyLock::new(|| counter("billing_charge_success_total", "Charges that were paid"));
static FAILED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter("billing_charge_failed_total", "Charges refused for the last time, and those that went wrong")
});
static SKIPPED: LazyLock<IntCounterVec> =
    LazyLock::new(|| counter("billing_charge_skipped_total", "Charges refused for now"));
static FIAT: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter("billing_charge_fiat_total", "Charges that the chain refused and a saved method is asked for")
});
static LATENCY: LazyLock<HistogramVec> = LazyLock::new(|| {
    let buckets = exponential_buckets(0.05, 2.0, 12).expect("bounds are positive");
    register_histogram_vec!(
        "billing_charge_latency_seconds",
        "From the start of a run to its end",
        &["network"],
        buckets
    )
    .expect("registered once")
});

fn counter(name: &str, help: &str) -> IntCounterVec {
    register_int_counter_vec!(name, help, &["network"]).expect("registered once")
}

/// Shows a network at zero before its first run.
pub(crate) fn announce(network: &str) {
    for counter in [&SUCCESS, &FAILED, &SKIPPED, &FIAT] {
        counter.with_label_values(&[network]).inc_by(0);
    }
}

/// Counts what a real run wrote down; what another instance wrote down first is counted there.
pub(crate) fn record(report: &RunReport, seconds: f64) {
    let network = [report.network.as_str()];
    let totals = report.written();
    SUCCESS.with_label_values(&network).inc_by(totals.charged as u64);
    SKIPPED.with_label_values(&network).inc_by(totals.skipped as u64);
    FIAT.with_label_values(&network).inc_by(totals.fiat as u64);
    FAILED.with_label_values(&network).inc_by((totals.failed + totals.errors) as u64);
    LATENCY.with_label_values(&network).observe(seconds);
}
