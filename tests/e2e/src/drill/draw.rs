//! What a client asks next.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use billing_core::ids::{AccountId, TransferId};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Asked, Entry, Step,
    accounts::{ACCOUNTS, house, id},
};

/// Holds that may still be open, and answered batches, of which so many are remembered.
const REMEMBERED: usize = 64;

/// A hold that was granted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    id: TransferId,
    amount: u64,
    partly: bool,
}

/// Shared by the clients of a process, so that several end the same one.
pub(super) type Holds = Arc<Mutex<Recent<Held>>>;

/// The latest.
#[derive(Debug)]
pub(super) struct Recent<T>(VecDeque<T>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Clone> Recent<T> {
    fn push(&mut self, one: T) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(one);
    }

    fn any(&self, rng: &mut StdRng) -> Option<T> {
        (!self.0.is_empty()).then(|| self.0[rng.random_range(0..self.0.len())].clone())
    }
}

/// One client's choices.
#[derive(Debug)]
pub(super) struct Draw {
    pub(super) rng: StdRng,
    holds: Holds,
    answered: Recent<Vec<Asked>>,
}

impl Draw {
    pub(super) fn new(seed: u64, holds: Holds) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), holds, answered: Recent::default() }
    }

    /// Remembers what was granted.
    pub(super) fn granted(&mut self, batch: &[Asked]) {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        for asked in batch {
            if let Step::Hold { amount, partly, .. } = asked.step {
                holds.push(Held { id: asked.id, amount, partly });
            }
        }
        self.answered.push(batch.to_vec());
    }

    /// Remembers what was granted in former lives.
    pub(super) fn remember(&mut self, entries: &[Entry]) {
        for pair in entries.windows(2) {
            if let [Entry::Ask(batch), Entry::Granted(_)] = pair {
                self.answered.push(batch.clone());
            }
        }
    }

    pub(super) fn batch(&mut self) -> Vec<Asked> {
        match self.rng.random_range(0..100) {
            0..25 => vec![self.post()],
            25..50 => vec![self.hold()],
            50..75 => vec![self.end_of_any()],
            75..88 => self.linked(),
            _ => match self.answered.any(&mut self.rng) {
                Some(again) => again,
                None => vec![self.post()],
            },
        }
    }

    /// Some are refused, and with one all of them.
    fn linked(&mut self) -> Vec<Asked> {
        let hold = self.hold();
        let mut batch = vec![self.post(), hold];
        if let Step::Hold { amount, partly, .. } = hold.step
            && self.rng.random()
        {
            batch.push(self.end(Held { id: hold.id, amount, partly }));
        }
        if self.rng.random() {
            batch.push(self.end_of_any());
        }
        batch
    }

    fn post(&mut self) -> Asked {
        let (debit, credit) = self.pair();
        Asked::new(Step::Post { debit, credit, amount: self.rng.random_range(1..=1_000) })
    }

    fn hold(&mut self) -> Asked {
        let (debit, credit) = self.pair();
        let (amount, timeout_secs) = (self.rng.random_range(1..=300), self.rng.random_range(1..=5));
        Asked::new(Step::Hold { debit, credit, amount, timeout_secs, partly: self.rng.random() })
    }

    fn end_of_any(&mut self) -> Asked {
        let held = self.holds.lock().unwrap_or_else(PoisonError::into_inner).any(&mut self.rng);
        match held {
            Some(held) => self.end(held),
            None => self.post(),
        }
    }

    /// Takes all of it, a part and gives back or keeps the rest, or nothing. What another client took is not counted.
    fn end(&mut self, Held { id: hold, amount, partly }: Held) -> Asked {
        let part = Some(self.rng.random_range(1..=amount));
        Asked::new(match self.rng.random_range(0..10) {
            0..3 => Step::Commit { hold, amount: None, keep_rest: false },
            3..5 => Step::Commit { hold, amount: part, keep_rest: false },
            5..8 => Step::Commit { hold, amount: part.map(|part| part.div_ceil(4)), keep_rest: partly },
            _ => Step::Release { hold },
        })
    }

    /// Two accounts of one asset; often the first is a house's, so that the others have something.
    fn pair(&mut self) -> (AccountId, AccountId) {
        let credit = self.rng.random_range(0..ACCOUNTS);
        let asset = credit % 2;
        let debit = if self.rng.random_range(0..10) < 4 {
            house(asset, self.rng.random_range(0..5))
        } else {
            self.rng.random_range(0..ACCOUNTS / 2) * 2 + asset
        };
        // From an account to itself is refused, which is an answer too.
        (id(debit), id(credit))
    }
}
