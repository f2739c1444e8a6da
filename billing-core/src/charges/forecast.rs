//! Which charges would be made now, in which transactions, and why the others would not: what a run does and a dry run
//! tells, by the same code.

use alloy::primitives::Address;

use super::{
    ChargeError, Reason,
    batch::{Batch, batches},
    due::Due,
    simulate::{self, Answer},
};
use crate::chain::Rpc;

/// Gas beyond the simulated: the contract wants `TRANSFER_GAS` (200,000) left before each transfer.
const GAS_MARGIN: u64 = 250_000;
/// Every round but the last drops a member or halves a batch, so this is reached only when the chain keeps changing.
const MAX_ROUNDS: usize = 24;

/// Everything that was due, each member in one of the three lists.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    /// In the order in which they are to be sent, with their gas limits; each member would be charged.
    pub(super) accepted: Vec<(Batch, u64)>,
    /// Members the contract would refuse.
    pub(super) refused: Vec<(Due, Reason)>,
    /// Members of whom nothing could be found out, and why.
    pub(super) unclear: Vec<(Due, String)>,
    /// The node has no `eth_simulateV1`: batches were asked each by itself, and do not see each other.
    pub(super) apart: bool,
}

/// Simulates until only batches are left in which every member is charged. Refused members leave their batch; a batch
/// that reverts or needs more gas than a transaction may have is halved, so that one member never hides another.
///
/// # Errors
/// A node's; an answer that this version does not understand.
pub(super) async fn forecast(rpc: &Rpc, from: Address, due: Vec<Due>) -> Result<Forecast, ChargeError> {
    let mut forecast = Forecast::default();
    let mut open = batches(due, rpc.network.batch_size);
    for _ in 0..MAX_ROUNDS {
        let answers = simulate::simulate(rpc, from, &open).await?;
        forecast.apart |= answers.apart;
        let mut next = Vec::with_capacity(open.len());
        for (batch, answer) in open.into_iter().zip(answers.list) {
            forecast.sort_out(batch, answer, rpc.network.max_gas_per_tx, &mut next);
        }
        if next.iter().all(|(_, gas_limit)| gas_limit.is_some()) {
            forecast.accepted = next.into_iter().filter_map(|(batch, gas_limit)| Some((batch, gas_limit?))).collect();
            return Ok(forecast);
        }
        open = next.into_iter().map(|(batch, _)| batch).collect();
    }
    for batch in open {
        forecast.leave(batch, "the chain kept changing while it was simulated");
    }
    Ok(forecast)
}

impl Forecast {
    /// Puts what is left of the batch on `next`, with a gas limit when all of it would be charged.
    fn sort_out(&mut self, batch: Batch, answer: Answer, max_gas: u64, next: &mut Vec<(Batch, Option<u64>)>) {
        let single = batch.members.len() == 1;
        match answer {
            Answer::Outcomes { outcomes, gas } => {
                let limit = gas + gas * 15 / 100 + GAS_MARGIN;
                if outcomes.iter().any(Option::is_some) {
                    let rest = self.take_refused(batch, outcomes);
                    next.extend(rest.map(|rest| (rest, None)));
                } else if limit > max_gas && !single {
                    next.extend(batch.halves().map(|half| (half, None)));
                } else {
                    next.push((batch, Some(limit.min(max_gas))));
                }
            }
            Answer::Refused(_) | Answer::Unclear(_) if !single => {
                next.extend(batch.halves().map(|half| (half, None)));
            }
            Answer::Refused(reason) => self.refused.extend(batch.members.into_iter().map(|due| (due, reason))),
            Answer::Unclear(why) => self.leave(batch, &why),
            Answer::NotAsked => self.leave(batch, "left to the next run: the node does not simulate as much at once"),
        }
    }

    fn take_refused(&mut self, mut batch: Batch, outcomes: Vec<Option<Reason>>) -> Option<Batch> {
        let mut rest = Vec::with_capacity(batch.members.len());
        for (due, reason) in batch.members.into_iter().zip(outcomes) {
            match reason {
                Some(reason) => self.refused.push((due, reason)),
                None => rest.push(due),
            }
        }
        batch.members = rest;
        (!batch.members.is_empty()).then_some(batch)
    }

    fn leave(&mut self, batch: Batch, why: &str) {
        self.unclear.extend(batch.members.into_iter().map(|due| (due, why.to_owned())));
    }
}
