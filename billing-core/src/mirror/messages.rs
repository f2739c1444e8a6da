//! What others are told about what the mirror saw.

use alloy::primitives::B256;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    ids::SubscriptionKey,
    log_point::LogPoint,
    marketplace::{MarketplaceEvent, PlacedEvent},
    plans::PlanState,
    subscriptions::{SubscriptionChange, SubscriptionEvent, SubscriptionState, state::due_at},
};

/// One message of the feed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) topic: &'static str,
    pub(super) key: String,
    pub(super) payload: Value,
}

pub(super) const PLAN_CHANGED: &str = "billing.plan.changed.v1";

impl Message {
    pub(super) fn plan_changed(plan: &PlanState) -> Self {
        let payload = json!({
            "chain_id": plan.chain_id,
            "plan_hash": plan.plan_hash,
            "status": plan.status.as_str(),
            "frozen": plan.frozen,
        });
        Self { topic: PLAN_CHANGED, key: plan.plan_hash.to_string(), payload }
    }

    /// The chain no longer knows the plan: its creation was undone.
    pub(super) fn plan_gone(chain_id: crate::ids::ChainId, plan_hash: B256) -> Self {
        let payload = json!({ "chain_id": chain_id, "plan_hash": plan_hash, "status": null, "frozen": false });
        Self { topic: PLAN_CHANGED, key: plan_hash.to_string(), payload }
    }

    /// `paid_until` is the end of the paid time before the event. Members that a batch skipped are not worth a message.
    pub(super) fn subscription(
        event: &SubscriptionEvent,
        paid_until: Option<OffsetDateTime>,
        at: LogPoint,
    ) -> Option<Self> {
        let (topic, told) = match &event.change {
            SubscriptionChange::Skipped { .. } => return None,
            SubscriptionChange::Activated { merchant, started_at, next_charge_at, ends_at } => (
                "billing.subscription.activated.v1",
                json!({
                    "merchant": merchant,
                    "started_at": instant(*started_at),
                    "next_charge_at": instant(*next_charge_at),
                    "ends_at": ends_at.map(instant),
                }),
            ),
            SubscriptionChange::Charged(receipt) => (
                "billing.subscription.charged.v1",
                json!({
                    "merchant": receipt.merchant,
                    "token": receipt.token,
                    "gross": receipt.gross,
                    "fee": receipt.fee,
                    "due_at": instant(due_at(paid_until, receipt)),
                    "period_start": instant(receipt.period_start),
                    "period_end": instant(receipt.period_end),
                }),
            ),
            SubscriptionChange::RetryScheduled { reason, retry_at, retries } => (
                "billing.subscription.retry_scheduled.v1",
                json!({ "reason": reason, "retry_at": instant(*retry_at), "retries": retries }),
            ),
            SubscriptionChange::Failed { reason } => ("billing.subscription.failed.v1", json!({ "reason": reason })),
            SubscriptionChange::Canceled { reason, paid_until } => {
                ("billing.subscription.canceled.v1", json!({ "reason": reason, "paid_until": instant(*paid_until) }))
            }
            SubscriptionChange::Accepted(terms) => (
                "billing.subscription.mandate_accepted.v1",
                json!({
                    "rail": terms.rail.as_str(),
                    "payment_token": terms.payment_token,
                    "max_amount": terms.max_amount,
                    "charge_limit": terms.charge_limit,
                }),
            ),
            SubscriptionChange::Paused { paused_at } => {
                ("billing.subscription.paused.v1", json!({ "paused_at": instant(*paused_at) }))
            }
            SubscriptionChange::Resumed { next_charge_at } => {
                ("billing.subscription.resumed.v1", json!({ "next_charge_at": instant(*next_charge_at) }))
            }
            SubscriptionChange::SwitchedFrom { from_plan, unused_secs, credited_secs } => (
                "billing.subscription.switched.v1",
                json!({ "from_plan": from_plan, "unused_secs": unused_secs, "credited_secs": credited_secs }),
            ),
            SubscriptionChange::ManuallyActivated { operator, paid_until } => (
                "billing.subscription.manually_activated.v1",
                json!({ "operator": operator, "paid_until": instant(*paid_until) }),
            ),
        };
        let place = json!({
            "tx_hash": at.tx_hash,
            "block_number": at.block_number,
            "block_hash": at.block_hash,
            "log_index": at.log_index,
            "block_time": instant(at.block_time),
        });
        Some(Self::about(topic, event.key(at.chain_id), [told, place]))
    }

    /// What was told about a subscription in `orphans` (transactions above `fork`) no longer holds; `state` does.
    pub(super) fn reverted(
        key: SubscriptionKey,
        state: Option<&SubscriptionState>,
        fork: i64,
        orphans: &[B256],
    ) -> Self {
        let told = json!({
            "fork_block": fork,
            "tx_hashes": orphans,
            "status": state.map(|state| state.status.as_str()),
            "next_charge_at": state.map(|state| instant(state.next_charge_at)),
        });
        Self::about("billing.subscription.reverted.v1", key, [told])
    }

    /// A purchase; `None` for other events of the marketplace.
    pub(super) fn sale(placed: &PlacedEvent) -> Option<Self> {
        Self::about_sale("billing.marketplace.sold.v1", placed)
    }

    /// What was told about a purchase no longer holds: its block was replaced.
    pub(super) fn sale_reverted(placed: &PlacedEvent) -> Option<Self> {
        Self::about_sale("billing.marketplace.sale_reverted.v1", placed)
    }

    fn about_sale(topic: &'static str, PlacedEvent { at, event, .. }: &PlacedEvent) -> Option<Self> {
        let MarketplaceEvent::Sale(sale) = event else { return None };
        let payload = json!({
            "chain_id": at.chain_id,
            "listing_hash": sale.listing_hash,
            "seller": sale.seller,
            "buyer": sale.buyer,
            "recipient": sale.recipient,
            "sku": sale.sku,
            "quantity": sale.quantity,
            "payment_token": sale.payment_token,
            "gross": sale.gross,
            "discount": sale.discount,
            "fee": sale.fee,
            "tx_hash": at.tx_hash,
            "block_number": at.block_number,
            "block_hash": at.block_hash,
            "log_index": at.log_index,
            "block_time": instant(at.block_time),
        });
        Some(Self { topic, key: format!("{}:{}", at.chain_id, sale.listing_hash), payload })
    }

    fn about<const N: usize>(topic: &'static str, key: SubscriptionKey, parts: [Value; N]) -> Self {
        let mut payload = serde_json::Map::new();
        payload.insert("chain_id".to_owned(), json!(key.chain_id));
        payload.insert("plan_hash".to_owned(), json!(key.plan_hash));
        payload.insert("subscriber".to_owned(), json!(key.subscriber));
        for part in parts {
            if let Value::Object(fields) = part {
                payload.extend(fields);
            }
        }
        let key = format!("{}:{}:{}", key.chain_id, key.plan_hash, key.subscriber);
        Self { topic, key, payload: Value::Object(payload) }
    }
}

/// RFC 3339; every block time can be written so.
fn instant(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
