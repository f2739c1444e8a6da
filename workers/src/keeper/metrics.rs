use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus::{
    HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, exponential_buckets, register_histogram_vec,
    register_int_counter, register_int_counter_vec, register_int_gauge, register_int_gauge_vec,
};

/// Two instances that find the same one count it twice; it is ended once.
pub(super) static HOLDS_SWEPT: LazyLock<IntCounter> = LazyLock::new(|| {
    register_int_counter!("billing_ledger_holds_swept_total", "Holds that were found with their time over")
        .expect("registered once")
});
pub(super) static TRANSFERS_SEALED: LazyLock<IntCounter> = LazyLock::new(|| {
    register_int_counter!("billing_ledger_transfers_sealed_total", "Transfers that were sealed")
        .expect("registered once")
});
pub(super) static DIFFERENCES: LazyLock<IntGauge> = LazyLock::new(|| {
    let help =
        "Differences found when the ledger was last compared with itself, up to 100; 0: none, or not compared yet";
    register_int_gauge!("billing_ledger_differences", help).expect("registered once")
});
static DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    let buckets = exponential_buckets(0.001, 4.0, 10).expect("bounds are positive");
    register_histogram_vec!("billing_ledger_job_seconds", "From the start of a run to its end", &["job"], buckets)
        .expect("registered once")
});
static SUCCESS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "When a run last went right, in seconds since 1970; 0: never yet";
    register_int_gauge_vec!("billing_ledger_job_success_timestamp_seconds", help, &["job"]).expect("registered once")
});
static ERRORS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_ledger_job_errors_total", "Runs that went wrong", &["job"])
        .expect("registered once")
});

/// Shows a job at zero before its first run.
pub(super) fn announce(job: &str) {
    HOLDS_SWEPT.inc_by(0);
    TRANSFERS_SEALED.inc_by(0);
    LazyLock::force(&DIFFERENCES);
    ERRORS.with_label_values(&[job]).inc_by(0);
    SUCCESS.with_label_values(&[job]).set(0);
}

pub(super) fn record(job: &str, took: Duration, went_right: bool) {
    DURATION.with_label_values(&[job]).observe(took.as_secs_f64());
    if went_right {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        SUCCESS.with_label_values(&[job]).set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    } else {
        ERRORS.with_label_values(&[job]).inc();
    }
}
