//! What Prometheus is told, by network.

use std::sync::LazyLock;

use billing_core::mirror::Header;
use prometheus::{
    HistogramVec, IntCounterVec, IntGaugeVec, histogram_opts, register_histogram_vec, register_int_counter_vec,
    register_int_gauge_vec,
};
use time::OffsetDateTime;

const ONCE: &str = "each name is registered once";

static HEAD: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!("billing_indexer_head_block", "Number of the node's latest block", &["network"])
        .expect(ONCE)
});
static INDEXED: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!("billing_indexer_indexed_block", "Number of the last mirrored block", &["network"])
        .expect(ONCE)
});
static LAG: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!("billing_indexer_lag_blocks", "Blocks between the node's head and the mirror", &["network"])
        .expect(ONCE)
});
static LAG_SECS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "billing_indexer_lag_seconds",
        "Seconds of chain time between the mirror and the node's head",
        &["network"]
    )
    .expect(ONCE)
});
static FINAL: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!("billing_indexer_final_block", "Number of the last block taken as final", &["network"])
        .expect(ONCE)
});
static BATCH: LazyLock<HistogramVec> = LazyLock::new(|| {
    let buckets = vec![0.0, 1.0, 10.0, 100.0, 1_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0];
    register_histogram_vec!(
        histogram_opts!("billing_indexer_batch_logs", "Logs stored in one transaction", buckets),
        &["network"]
    )
    .expect(ONCE)
});
static HALTED: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "billing_indexer_halted",
        "1 while the network stands still until an operator acts",
        &["network"]
    )
    .expect(ONCE)
});
static LOGS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_indexer_logs_total", "Logs mirrored", &["network"]).expect(ONCE)
});
static REORGS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_indexer_reorgs_total", "Reorganisations undone", &["network"]).expect(ONCE)
});
static REORG_DEPTH: LazyLock<HistogramVec> = LazyLock::new(|| {
    let buckets = vec![1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 89.0];
    register_histogram_vec!(
        histogram_opts!("billing_indexer_reorg_depth", "Blocks taken back by a reorganisation", buckets),
        &["network"]
    )
    .expect(ONCE)
});
static GAPS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_indexer_gaps_total", "Stretches in which a node left out logs", &["network"])
        .expect(ONCE)
});
static RPC_ERRORS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("billing_indexer_rpc_errors_total", "Questions a node did not answer well", &["network"])
        .expect(ONCE)
});

/// The metrics of one network.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    network: String,
}

impl Metrics {
    /// All of them exist from the start, at zero.
    pub(crate) fn new(network: &str) -> Self {
        let labels = [network];
        for gauge in [&HEAD, &INDEXED, &FINAL, &LAG, &LAG_SECS, &HALTED] {
            gauge.with_label_values(&labels);
        }
        for counter in [&LOGS, &REORGS, &GAPS, &RPC_ERRORS] {
            counter.with_label_values(&labels);
        }
        for histogram in [&REORG_DEPTH, &BATCH] {
            histogram.with_label_values(&labels);
        }
        Self { network: network.to_owned() }
    }

    /// The mirror stands at a block, and the node's latest is `head`.
    pub(crate) fn position(&self, head: &Header, indexed: i64, indexed_time: OffsetDateTime) {
        HEAD.with_label_values(&[&self.network]).set(head.number);
        INDEXED.with_label_values(&[&self.network]).set(indexed);
        LAG.with_label_values(&[&self.network]).set((head.number - indexed).max(0));
        let behind = if head.number > indexed { (head.time - indexed_time).whole_seconds().max(0) } else { 0 };
        LAG_SECS.with_label_values(&[&self.network]).set(behind);
    }

    /// As last told by [`Metrics::position`].
    pub(crate) fn lag_secs(&self) -> i64 {
        LAG_SECS.with_label_values(&[&self.network]).get()
    }

    pub(crate) fn last_final(&self, block: i64) {
        FINAL.with_label_values(&[&self.network]).set(block);
    }

    pub(crate) fn halted(&self, halted: bool) {
        HALTED.with_label_values(&[&self.network]).set(i64::from(halted));
    }

    pub(crate) fn logs(&self, count: usize) {
        LOGS.with_label_values(&[&self.network]).inc_by(u64::try_from(count).unwrap_or_default());
        BATCH.with_label_values(&[&self.network]).observe(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }

    pub(crate) fn reorg(&self, depth: i64) {
        REORGS.with_label_values(&[&self.network]).inc();
        let depth = u32::try_from(depth).unwrap_or(u32::MAX);
        REORG_DEPTH.with_label_values(&[&self.network]).observe(f64::from(depth));
    }

    pub(crate) fn gap(&self) {
        GAPS.with_label_values(&[&self.network]).inc();
    }

    pub(crate) fn rpc_error(&self) {
        RPC_ERRORS.with_label_values(&[&self.network]).inc();
    }
}
