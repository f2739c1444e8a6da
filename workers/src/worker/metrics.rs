use std::sync::LazyLock;

use billing_core::{
    charges::fallback,
    fiat_subscriptions,
    payments::{DifferenceKind, Figures, Round, Status},
};
use prometheus::{IntCounterVec, IntGaugeVec, register_int_counter_vec, register_int_gauge_vec};

use crate::jobs::JobMetrics;

pub(super) static JOBS: LazyLock<JobMetrics> = LazyLock::new(|| JobMetrics::register("billing_worker"));
static ATTENDED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Notifications, payments and refunds that were attended to";
    register_int_counter_vec!("billing_worker_attended_total", help, &["provider", "what"]).expect("registered once")
});
static PERIODS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Periods that fiat money pays, in subscriptions of its own (`subscription`) and where a chain cannot (`fallback`)";
    register_int_counter_vec!("billing_worker_periods_total", help, &["provider", "of", "what"])
        .expect("registered once")
});
static UNANSWERED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Of all of these, those to which no usable answer came: they are asked about again";
    register_int_counter_vec!("billing_worker_unanswered_total", help, &["provider"]).expect("registered once")
});
static OPEN: LazyLock<IntGaugeVec> =
    LazyLock::new(|| gauge("billing_payments_open", "Payments that are not decided", &["provider", "status"]));
static OPEN_AGE: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    gauge("billing_payments_open_oldest_seconds", "Age of the oldest of them", &["provider", "status"])
});
static WAITING: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "What is to be done or looked at: refunds_open, notifications_waiting, notifications_given_up, troubles, \
                receipts_canceled";
    gauge("billing_payments_waiting", help, &["provider", "what"])
});
static DIFFERENCES: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Differences found when payments were last compared with the provider's";
    gauge("billing_reconciliation_differences", help, &["provider", "kind"])
});
static COMPARED: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "When they were last compared, in seconds since 1970; 0: never yet";
    gauge("billing_reconciliation_timestamp_seconds", help, &["provider"])
});

fn gauge(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    register_int_gauge_vec!(name, help, labels).expect("registered once")
}

/// Shows a provider at zero before its first round.
pub(super) fn announce(provider: &str) {
    round(provider, &Round::default());
    periods(provider, &fiat_subscriptions::Round::default(), &fallback::Round::default());
}

pub(super) fn periods(provider: &str, subscriptions: &fiat_subscriptions::Round, fallbacks: &fallback::Round) {
    for (of, what, count) in [
        ("subscription", "begun", subscriptions.begun),
        ("subscription", "decided", subscriptions.decided),
        ("subscription", "paid", subscriptions.paid),
        ("subscription", "declined", subscriptions.declined),
        ("subscription", "ended", subscriptions.ended),
        ("subscription", "refunded", subscriptions.refunded),
        ("fallback", "begun", fallbacks.begun),
        ("fallback", "decided", fallbacks.captured),
        ("fallback", "paid", fallbacks.paid),
        ("fallback", "declined", fallbacks.declined),
        ("fallback", "refunded", fallbacks.undone),
    ] {
        PERIODS.with_label_values(&[provider, of, what]).inc_by(count as u64);
    }
}

pub(super) fn round(provider: &str, round: &Round) {
    for (what, count) in [("notification", round.notifications), ("payment", round.payments), ("refund", round.refunds)]
    {
        ATTENDED.with_label_values(&[provider, what]).inc_by(count as u64);
    }
    UNANSWERED.with_label_values(&[provider]).inc_by(round.unanswered as u64);
}

/// All series of a provider, those at zero too: what is gone must not stay as it was.
pub(super) fn figures(provider: &str, figures: &Figures) {
    for status in Status::ALL.into_iter().filter(|status| status.is_open()) {
        let found = figures.open.iter().find(|(of, ..)| *of == status);
        let (count, oldest) = found.map_or((0, 0), |(_, count, oldest)| (*count, *oldest));
        OPEN.with_label_values(&[provider, status.as_str()]).set(count);
        OPEN_AGE.with_label_values(&[provider, status.as_str()]).set(oldest);
    }
    for (what, count) in [
        ("refunds_open", figures.open_refunds),
        ("notifications_waiting", figures.notifications_waiting),
        ("notifications_given_up", figures.notifications_given_up),
        ("troubles", figures.troubles),
        ("receipts_canceled", figures.receipts_canceled),
    ] {
        WAITING.with_label_values(&[provider, what]).set(count);
    }
    let (at, found) = figures.compared.as_ref().map_or((0, &[][..]), |(at, found)| (at.unix_timestamp(), found));
    COMPARED.with_label_values(&[provider]).set(at);
    for kind in DifferenceKind::ALL.map(DifferenceKind::as_str) {
        let count = found.iter().find(|(of, _)| of == kind).map_or(0, |(_, count)| *count);
        DIFFERENCES.with_label_values(&[provider, kind]).set(count);
    }
}
