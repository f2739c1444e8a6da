//! The chain's view of a plan: a fold of its events.
//!
//! Invariant: the fold is pure, so the same logs give the same state whenever they are folded.

use alloy::primitives::{Address, B256};
use time::OffsetDateTime;

use crate::{ids::ChainId, log_point::LogPoint, money::TokenAmount};

/// Where a plan stands, as its merchant set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlanStatus {
    /// Billed, open to new subscribers.
    Active,
    /// Billed, closed to new subscribers.
    Closed,
    /// Neither billed nor open.
    Inactive,
}

impl PlanStatus {
    /// The word in the database, in messages and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Closed => "closed",
            Self::Inactive => "inactive",
        }
    }

    /// From the word; `None` for any other.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Closed, Self::Inactive].into_iter().find(|status| status.as_str() == word)
    }

    /// From the number of the contract's `PlanStatus`; `None` for "never created" and numbers it does not have.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Active),
            2 => Some(Self::Closed),
            3 => Some(Self::Inactive),
            _ => None,
        }
    }
}

/// A plan on one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanState {
    /// The chain.
    pub chain_id: ChainId,
    /// EIP-712 digest of the terms.
    pub plan_hash: B256,
    /// Who is paid, net of fee.
    pub merchant: Address,
    /// What is charged; zero for the native coin.
    pub token: Address,
    /// Amount of one charge, in the token's smallest unit.
    pub price: TokenAmount,
    /// Length of a period, in seconds.
    pub period_secs: i64,
    /// Seconds from the first subscription to the first charge; zero for none.
    pub trial_secs: i64,
    /// Highest fee the merchant accepts, in 1/10,000 of the price.
    pub max_fee_bps: i32,
    /// As the merchant set it.
    pub status: PlanStatus,
    /// Stopped by the operator, whatever the status.
    pub frozen: bool,
    /// Where the plan is described.
    pub uri: String,
    /// Block that created it.
    pub created_block: i64,
    /// Block of its last event.
    pub updated_block: i64,
    /// Time of that block.
    pub updated_at: OffsetDateTime,
}

/// Something that happened to one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanEvent {
    /// The plan.
    pub plan_hash: B256,
    /// What happened.
    pub change: PlanChange,
}

/// What can happen to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanChange {
    /// It was created on this chain; it begins active.
    Created {
        /// Who is paid.
        merchant: Address,
        /// What is charged; zero for the native coin.
        token: Address,
        /// Amount of one charge.
        price: TokenAmount,
        /// Length of a period, in seconds.
        period_secs: u32,
        /// Length of the trial, in seconds.
        trial_secs: u32,
        /// Highest fee, in 1/10,000.
        max_fee_bps: u16,
        /// Where it is described.
        uri: String,
    },
    /// The merchant opened, closed or stopped it.
    StatusChanged(PlanStatus),
    /// The operator froze it, or let it go on.
    FrozenToggled(bool),
    /// The merchant points to another description.
    UriUpdated(String),
    /// It was offered to another merchant, or the offer taken back (zero); nothing moved yet.
    OwnershipOffered(Address),
    /// Another merchant took it over.
    OwnershipTransferred(Address),
}

/// State after `event`, which must be the next one of this plan.
///
/// `None` stays `None` until `Created`: the contract emits nothing else about a plan it does not know.
#[must_use]
pub fn fold(state: Option<PlanState>, event: &PlanEvent, at: LogPoint) -> Option<PlanState> {
    if let PlanChange::Created { merchant, token, price, period_secs, trial_secs, max_fee_bps, uri } = &event.change {
        return Some(PlanState {
            chain_id: at.chain_id,
            plan_hash: event.plan_hash,
            merchant: *merchant,
            token: *token,
            price: *price,
            period_secs: i64::from(*period_secs),
            trial_secs: i64::from(*trial_secs),
            max_fee_bps: i32::from(*max_fee_bps),
            status: PlanStatus::Active,
            frozen: false,
            uri: uri.clone(),
            created_block: at.block_number,
            updated_block: at.block_number,
            updated_at: at.block_time,
        });
    }
    let mut plan = state?;
    match &event.change {
        PlanChange::Created { .. } | PlanChange::OwnershipOffered(_) => {}
        PlanChange::StatusChanged(status) => plan.status = *status,
        PlanChange::FrozenToggled(frozen) => plan.frozen = *frozen,
        PlanChange::UriUpdated(uri) => plan.uri.clone_from(uri),
        PlanChange::OwnershipTransferred(merchant) => plan.merchant = *merchant,
    }
    plan.updated_block = at.block_number;
    plan.updated_at = at.block_time;
    Some(plan)
}
