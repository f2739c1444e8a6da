//! Which logs can tell something of a topic.

use alloy::{primitives::B256, sol_types::SolEvent};
use billing_bindings::{
    Marketplace::MarketplaceSale,
    PlanManager::PlanManagerEvents,
    SubscriptionManager::{
        MandateAccepted, ManualActivation, SubscriptionActivated, SubscriptionCancelled, SubscriptionCharged,
        SubscriptionFailedFinal, SubscriptionPaused, SubscriptionResumed, SubscriptionRetryScheduled,
        SubscriptionSwitched,
    },
};

use super::PLAN_CHANGED;

/// Topics with the one event that each is told by; plans have several of their own.
const OF_EVENTS: [(&str, B256); 11] = [
    ("billing.subscription.activated.v1", SubscriptionActivated::SIGNATURE_HASH),
    ("billing.subscription.charged.v1", SubscriptionCharged::SIGNATURE_HASH),
    ("billing.subscription.retry_scheduled.v1", SubscriptionRetryScheduled::SIGNATURE_HASH),
    ("billing.subscription.failed.v1", SubscriptionFailedFinal::SIGNATURE_HASH),
    ("billing.subscription.canceled.v1", SubscriptionCancelled::SIGNATURE_HASH),
    ("billing.subscription.mandate_accepted.v1", MandateAccepted::SIGNATURE_HASH),
    ("billing.subscription.paused.v1", SubscriptionPaused::SIGNATURE_HASH),
    ("billing.subscription.resumed.v1", SubscriptionResumed::SIGNATURE_HASH),
    ("billing.subscription.switched.v1", SubscriptionSwitched::SIGNATURE_HASH),
    ("billing.subscription.manually_activated.v1", ManualActivation::SIGNATURE_HASH),
    ("billing.marketplace.sold.v1", MarketplaceSale::SIGNATURE_HASH),
];

/// Every topic about a subscription; the last is the retraction of a reorganisation.
pub const ABOUT_SUBSCRIPTIONS: [&str; 11] = [
    "billing.subscription.activated.v1",
    "billing.subscription.charged.v1",
    "billing.subscription.retry_scheduled.v1",
    "billing.subscription.failed.v1",
    "billing.subscription.canceled.v1",
    "billing.subscription.mandate_accepted.v1",
    "billing.subscription.paused.v1",
    "billing.subscription.resumed.v1",
    "billing.subscription.switched.v1",
    "billing.subscription.manually_activated.v1",
    "billing.subscription.reverted.v1",
];

/// First topics of the logs to read, of these topics or of all.
pub(super) fn selectors(topics: Option<&[&str]>) -> Vec<B256> {
    let wanted = |topic: &str| topics.is_none_or(|topics| topics.contains(&topic));
    let of_plans =
        PlanManagerEvents::SELECTORS.iter().filter(|_| wanted(PLAN_CHANGED)).map(|selector| B256::from(*selector));
    of_plans.chain(OF_EVENTS.iter().filter(|(topic, _)| wanted(topic)).map(|(_, event)| *event)).collect()
}

/// Events that set the end of a subscription's paid time.
pub(super) const PAID_TIME: [B256; 4] = [
    SubscriptionActivated::SIGNATURE_HASH,
    SubscriptionCharged::SIGNATURE_HASH,
    SubscriptionResumed::SIGNATURE_HASH,
    SubscriptionCancelled::SIGNATURE_HASH,
];
