//! What is done to the good node's answers.

use std::sync::PoisonError;

use alloy::primitives::keccak256;
use rand::{Rng, seq::SliceRandom};
use serde_json::{Value, json};

use super::{
    Active, Shared,
    before::Turn,
    call::{Answer, Call, error, quantity},
    fault::{Fault, Lose},
    view,
};

impl Turn<'_> {
    /// Spoils an answer.
    pub(super) fn after(&self, call: &mut Call, answer: &mut Answer) {
        for active in &self.active {
            if let Some(top) = self.top_again(active) {
                view::hide_above(call, answer, top);
            }
            if let Fault::MostLogs(most) = active.fault
                && call.is_logs()
                && answer.as_ref().is_ok_and(|logs| logs.as_array().is_some_and(|logs| logs.len() > most))
            {
                *answer = Err(error(-32_005, "query returned more than 10000 results"));
                call.spoiled = true;
            }
            let Ok(result) = answer else { return };
            call.spoiled |= match result {
                Value::Array(logs) if call.is_logs() && !logs.is_empty() => self.spoil_logs(active, logs),
                Value::Object(_) if call.method.starts_with("eth_getBlockBy") => self.spoil_block(active, result),
                _ => false,
            };
        }
    }

    /// Where batches are split, transactions are not hidden: that would take a second turn.
    fn top_again(&self, active: &Active) -> Option<u64> {
        let splits = matches!(active.fault, Fault::Balancer { splits_batches: true, .. });
        if splits { None } else { self.top(active) }
    }

    fn spoil_logs(&self, active: &Active, logs: &mut Vec<Value>) -> bool {
        match active.fault {
            Fault::LosesLogs { lose, when } if self.node.is_due(active, when) => self.node.lose(lose, logs),
            Fault::RemovedLogs => {
                *logs = logs.drain(..).flat_map(|log| [removed(&log), log]).collect();
            }
            Fault::DoubledLogs => *logs = logs.drain(..).flat_map(|log| [log.clone(), log]).collect(),
            Fault::ShuffledLogs if logs.len() > 1 => self.node.shuffle(logs),
            Fault::UntimedLogs => {
                let taken = |log: &mut Value| log.as_object_mut().and_then(|log| log.remove("blockTimestamp"));
                return logs.iter_mut().filter_map(taken).count() > 0;
            }
            Fault::ForeignLogs => {}
            _ => return false,
        }
        true
    }

    fn spoil_block(&self, active: &Active, block: &mut Value) -> bool {
        let Some(number) = quantity(&block["number"]) else { return false };
        match active.fault {
            Fault::WrongGenesis if number == 0 => block["hash"] = other_hash(&block["hash"]),
            Fault::Contradicts { blocks, when } if number + blocks > self.head && self.node.is_due(active, when) => {
                block["hash"] = other_hash(&block["hash"]);
                if number + blocks > self.head + 1 {
                    block["parentHash"] = other_hash(&block["parentHash"]);
                }
            }
            _ => return false,
        }
        true
    }
}

impl Shared {
    fn lose(&self, lose: Lose, logs: &mut Vec<Value>) {
        match lose {
            Lose::All => logs.clear(),
            Lose::Last => {
                logs.pop();
            }
            Lose::Middle => {
                let range = if logs.len() > 2 { 1..logs.len() - 1 } else { 0..logs.len() };
                let at = self.random.lock().unwrap_or_else(PoisonError::into_inner).random_range(range);
                logs.remove(at);
            }
        }
    }

    fn shuffle(&self, logs: &mut [Value]) {
        let before = logs.to_vec();
        logs.shuffle(&mut *self.random.lock().unwrap_or_else(PoisonError::into_inner));
        if *logs == *before {
            logs.reverse();
        }
    }
}

fn removed(log: &Value) -> Value {
    let mut log = log.clone();
    log["blockHash"] = other_hash(&log["blockHash"]);
    log["removed"] = json!(true);
    log
}

/// The same for the same hash, so that the other fork's blocks follow each other.
fn other_hash(hash: &Value) -> Value {
    json!(keccak256(hash.to_string()))
}
