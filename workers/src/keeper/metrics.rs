use std::sync::LazyLock;

use prometheus::{IntCounter, IntGauge, register_int_counter, register_int_gauge};

use crate::jobs::JobMetrics;

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
pub(super) static JOBS: LazyLock<JobMetrics> = LazyLock::new(|| JobMetrics::register("billing_ledger"));

/// Shows what is counted at zero before the first run.
pub(super) fn announce() {
    HOLDS_SWEPT.inc_by(0);
    TRANSFERS_SEALED.inc_by(0);
    LazyLock::force(&DIFFERENCES);
}
