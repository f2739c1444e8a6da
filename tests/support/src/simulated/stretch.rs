//! A chain as the mirror takes it.

use alloy::primitives::{Address, B256, U256};
use billing_core::mirror::{EventCount, Header, RawLog};
use time::OffsetDateTime;

use super::{
    block::Block,
    contract::Contract,
    inner::Inner,
    state::{Stage, State},
};

/// The canonical chain from its first block to its head, as the mirror takes it.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// All of them.
    pub headers: Vec<Header>,
    /// Of our contracts, in chain order.
    pub logs: Vec<RawLog>,
    /// At its last block.
    pub counts: Vec<EventCount>,
    /// What the contracts know there.
    pub standing: Standing,
}

/// What the contracts know at one block, told without their events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Subscriptions that go on: plan, subscriber, whether it is paused, and until when it is paid, in unix time.
    pub subscriptions: Vec<(B256, Address, bool, i64)>,
    /// Native coin by account.
    pub deposits: Vec<(Address, U256)>,
}

impl Inner {
    pub(super) fn stretch_to(&self, number: u64) -> Stretch {
        let blocks = || self.canonical.iter().take_while(|block| block.number <= number);
        let state = &self.at(number).expect("a block of the chain").state;
        let count =
            |contract: Contract| EventCount { address: contract.address(), count: signed(state.count(contract)) };
        Stretch {
            headers: blocks().map(|block| header(block)).collect(),
            logs: blocks().flat_map(|block| raw_logs(block)).collect(),
            counts: Contract::ALL.into_iter().map(count).collect(),
            standing: standing(state),
        }
    }
}

fn standing(state: &State) -> Standing {
    let going_on = state.subscriptions.iter().filter(|(_, known)| known.stage != Stage::Ended);
    let subscriptions =
        going_on.map(|((plan, who), known)| (*plan, *who, known.stage == Stage::Paused, signed(known.paid_until)));
    let deposits = state.deposits.iter().map(|(who, balance)| (*who, *balance));
    Standing { subscriptions: subscriptions.collect(), deposits: deposits.collect() }
}

fn header(block: &Block) -> Header {
    Header {
        number: signed(block.number),
        hash: block.hash,
        parent_hash: block.parent,
        time: OffsetDateTime::from_unix_timestamp(signed(block.time)).expect("a time of this age"),
    }
}

fn raw_logs(block: &Block) -> impl Iterator<Item = RawLog> {
    let of = header(block);
    block.logs.iter().map(move |log| RawLog {
        block_number: of.number,
        block_hash: of.hash,
        block_time: of.time,
        tx_hash: log.tx_hash,
        log_index: signed(log.index),
        address: log.address,
        topics: log.data.topics().to_vec(),
        data: log.data.data.clone(),
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("far below")
}
