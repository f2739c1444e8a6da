use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{
    HistogramVec, IntCounterVec, IntGaugeVec, exponential_buckets, register_histogram_vec, register_int_counter_vec,
    register_int_gauge_vec,
};

/// How a program's jobs go.
pub(crate) struct JobMetrics {
    duration: HistogramVec,
    success: IntGaugeVec,
    errors: IntCounterVec,
}

impl JobMetrics {
    /// Under names that begin with the program's; once in a process.
    pub(crate) fn register(program: &str) -> Self {
        let buckets = exponential_buckets(0.001, 4.0, 10).expect("bounds are positive");
        let seconds = (format!("{program}_job_seconds"), "From the start of a run to its end");
        let success = (
            format!("{program}_job_success_timestamp_seconds"),
            "When a run last went right, in seconds since 1970; 0: never yet",
        );
        let errors = (format!("{program}_job_errors_total"), "Runs that went wrong");
        Self {
            duration: register_histogram_vec!(seconds.0, seconds.1, &["job"], buckets).expect("registered once"),
            success: register_int_gauge_vec!(success.0, success.1, &["job"]).expect("registered once"),
            errors: register_int_counter_vec!(errors.0, errors.1, &["job"]).expect("registered once"),
        }
    }

    /// Shows a job at zero before its first run.
    pub(super) fn announce(&self, job: &str) {
        self.errors.with_label_values(&[job]).inc_by(0);
        self.success.with_label_values(&[job]).set(0);
    }

    pub(super) fn record(&self, job: &str, took: Duration, went_right: bool) {
        self.duration.with_label_values(&[job]).observe(took.as_secs_f64());
        if went_right {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.success.with_label_values(&[job]).set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        } else {
            self.errors.with_label_values(&[job]).inc();
        }
    }
}
