//! Native coin that an account left with the manager: a fold of its events.

use alloy::primitives::Address;

use crate::{ids::ChainId, log_point::LogPoint, money::TokenAmount};

/// The deposit of one account on one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositState {
    /// The chain.
    pub chain_id: ChainId,
    /// Who can withdraw it, and whose native charges are taken from it.
    pub account: Address,
    /// In wei.
    pub balance: TokenAmount,
    /// Block of its last event.
    pub updated_block: i64,
}

/// Something that happened to one deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositEvent {
    /// Whose deposit.
    pub account: Address,
    /// What happened.
    pub change: DepositChange,
}

/// What can happen to a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositChange {
    /// Paid in or withdrawn; the event tells the balance afterwards.
    Became(TokenAmount),
    /// A native charge took this much; its event does not tell the balance.
    Charged(TokenAmount),
}

/// State after `event`, which must be the next one of this deposit.
///
/// `None` when a charge takes more than there is: then an event is missing, since the contract refuses such a charge.
#[must_use]
pub fn fold(state: Option<DepositState>, event: &DepositEvent, at: LogPoint) -> Option<DepositState> {
    let balance = match event.change {
        DepositChange::Became(balance) => balance,
        DepositChange::Charged(gross) => state?.balance.checked_sub(gross)?,
    };
    Some(DepositState { chain_id: at.chain_id, account: event.account, balance, updated_block: at.block_number })
}
