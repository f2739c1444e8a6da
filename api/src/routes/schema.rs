//! How answers that billing-core makes are described in `/openapi.json`; nothing here is built.
#![expect(dead_code, reason = "read by the description only")]

use utoipa::ToSchema;

/// A plan and where it stands.
#[derive(ToSchema)]
pub(super) struct Plan {
    /// EIP-712 digest of the terms; the same on every chain.
    plan_hash: String,
    merchant: String,
    /// Zero for the native coin.
    token: String,
    /// Smallest unit of the token, decimal.
    price: String,
    period_secs: i64,
    trial_secs: i64,
    /// 1/10,000 of the price.
    max_fee_bps: i32,
    uri: String,
    /// Chains where it stands; empty while it stands on none.
    chains: Vec<PlanChain>,
}

/// A plan on one chain.
#[derive(ToSchema)]
pub(super) struct PlanChain {
    chain_id: i64,
    /// `active`, `closed` or `inactive`.
    status: String,
    /// Stopped by the operator.
    frozen: bool,
}

/// A subscription as the mirror knows it.
#[derive(ToSchema)]
pub(super) struct Subscription {
    chain_id: i64,
    plan_hash: String,
    subscriber: String,
    /// `trialing`, `active`, `past_due`, `paused`, `ended` (at a limit of the subscriber's own), `canceled` or `failed`.
    status: String,
    /// The plan's on this chain: `active`, `closed` (to new subscribers) or `inactive`.
    plan_status: String,
    /// Stopped by the operator.
    plan_frozen: bool,
    /// How it is paid: `allowance`, `permit2` or, from a deposit, `native`.
    rail: String,
    /// What it is paid in, the plan's token or the subscriber's own; zero for the native coin.
    payment_token: String,
    /// Most that one charge may take of `payment_token`, by the subscriber's signature; null for the plan's price.
    max_amount: Option<String>,
    /// `charge_count` at which it has ended; null for no limit.
    charge_limit: Option<i64>,
    /// Nothing is charged from then on; null for no limit.
    ends_at: Option<String>,
    /// Since when it is paused.
    paused_at: Option<String>,
    /// RFC 3339, as all times.
    started_at: String,
    /// End of the paid time.
    next_charge_at: String,
    /// Periods paid.
    charge_count: i64,
    last_charge: Option<LastCharge>,
}

/// The last charge that was tried.
#[derive(ToSchema)]
pub(super) struct LastCharge {
    status: String,
    /// Why it was refused.
    reason: Option<String>,
    amount: String,
    token: String,
    tx_hash: Option<String>,
    /// End of the paid time before it.
    due_at: String,
    /// When a refused charge is tried again.
    retry_at: Option<String>,
}

/// Counts of one run.
#[derive(ToSchema)]
pub(super) struct ChargeTotals {
    processed: u64,
    charged: u64,
    skipped: u64,
    /// Refused, and asked of a saved method.
    fiat: u64,
    failed: u64,
    pending: u64,
    errors: u64,
}

/// One due subscription.
#[derive(ToSchema)]
pub(super) struct ChargeRow {
    network: String,
    chain_id: i64,
    plan_hash: String,
    subscriber: String,
    amount: String,
    token: String,
    due_at: String,
    /// `charged`, `skipped`, `fiat`, `failed` or `pending`.
    outcome: String,
    reason: Option<String>,
    tx_hash: Option<String>,
    gas: Option<u64>,
}

/// A signed listing and where it stands.
#[derive(ToSchema)]
pub(super) struct Listing {
    /// EIP-712 digest of the terms; the same on every chain.
    listing_hash: String,
    seller: String,
    /// The only buyer; null for anyone.
    buyer: Option<String>,
    /// Zero for the native coin.
    token: String,
    /// One unit, smallest unit of the token, decimal.
    price: String,
    sku: String,
    /// Units on each chain.
    quantity: i64,
    /// 1/10,000 of what is paid.
    max_fee_bps: i32,
    /// 1/10,000 of the price.
    discount_bps: i32,
    discount_min_quantity: i64,
    discount_ends_at: Option<String>,
    salt: String,
    expiry_at: Option<String>,
    /// Each chain that it names.
    chains: Vec<ListingChain>,
}

/// A listing on one chain, as the mirror knows it.
#[derive(ToSchema)]
pub(super) struct ListingChain {
    chain_id: i64,
    /// Units sold of the seller's listings of this salt.
    sold: i64,
    left: i64,
    revoked: bool,
}

/// A purchase.
#[derive(ToSchema)]
pub(super) struct Sale {
    chain_id: i64,
    listing_hash: String,
    seller: String,
    buyer: String,
    recipient: String,
    sku: String,
    quantity: i64,
    /// Zero for the native coin.
    payment_token: String,
    /// What the buyer paid, smallest unit, decimal; `gross - fee` went to the seller.
    gross: String,
    discount: String,
    fee: String,
    tx_hash: String,
    block_number: i64,
    log_index: i64,
    sold_at: String,
}
