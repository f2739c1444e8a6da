//! The laws: what a transfer makes of accounts and holds, in memory.

use std::collections::{BTreeSet, HashMap};

use time::{Duration, OffsetDateTime};

use super::{
    Action, Amount, Ended, Limited, Movement, Recorded, Refusal, Totals, Transfer,
    row::{EXPIRED, Kind, Row, expiry_id},
};
use crate::ids::{AccountId, TransferId};

/// An account as it is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) asset: String,
    pub(super) limited: Option<Limited>,
    pub(super) totals: Totals,
    /// As they were when it was locked.
    pub(super) locked: Totals,
}

/// A hold as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) debit: AccountId,
    pub(super) credit: AccountId,
    pub(super) remaining: Amount,
    /// What was left of it when it was read, or made.
    pub(super) at_first: Amount,
    pub(super) partly: bool,
    pub(super) expires_at: Option<OffsetDateTime>,
    pub(super) ended: Option<Ended>,
}

/// What was moved, and not taken back yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) debit: AccountId,
    pub(super) credit: AccountId,
    pub(super) left: Amount,
    pub(super) is_reversal: bool,
}

/// What a batch may touch, as it is in the database, and what the batch makes of it.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) accounts: HashMap<AccountId, Account>,
    pub(super) holds: HashMap<TransferId, Hold>,
    /// What of the transfers that it takes back may still be taken back.
    pub(super) moved: HashMap<TransferId, Moved>,
    /// Of the batch's ids, those that were there before, or are by now.
    pub(super) known: HashMap<TransferId, Row>,
    /// The database's clock, after everything was locked.
    pub(super) now: OffsetDateTime,
    /// To be written, in this order.
    pub(super) written: Vec<Row>,
}

impl Book {
    /// Ends the holds whose time is over.
    pub(super) fn expire(&mut self) {
        let is_over = |hold: &Hold| hold.ended.is_none() && hold.expires_at.is_some_and(|at| at <= self.now);
        let over: BTreeSet<TransferId> =
            self.holds.iter().filter(|(_, hold)| is_over(hold)).map(|(id, _)| *id).collect();
        for id in over {
            let hold = self.holds[&id];
            // Who has the lock of only one of its accounts leaves it to others.
            if self.accounts.contains_key(&hold.debit) && self.accounts.contains_key(&hold.credit) {
                let ended =
                    End { hold: id, taken: Amount::ZERO, given_back: hold.remaining, how: Some(Ended::Expired) };
                self.move_held(hold, ended);
                self.write(Row {
                    id: expiry_id(id),
                    debit: hold.debit,
                    credit: hold.credit,
                    amount: hold.remaining,
                    kind: Kind::VoidPending,
                    hold: Some(id),
                    reverses: None,
                    timeout_secs: None,
                    partly: false,
                    code: EXPIRED.to_owned(),
                    reference: None,
                    event_at: hold.expires_at.unwrap_or(self.now),
                    created_at: self.now,
                });
            }
        }
    }

    /// All of them, or none; answers in their order.
    pub(super) fn post_linked(&mut self, transfers: &[Transfer]) -> Vec<Result<Recorded, Refusal>> {
        let before = (transfers.len() > 1).then(|| self.touched_by(transfers));
        let mut answers = Vec::with_capacity(transfers.len());
        for (at, transfer) in transfers.iter().enumerate() {
            let answer = self.post(transfer);
            if answer.is_err() {
                if let Some(before) = before {
                    self.put_back(before);
                }
                answers = vec![Err(Refusal::Linked); transfers.len()];
                answers[at] = answer;
                return answers;
            }
            answers.push(answer);
        }
        answers
    }

    fn post(&mut self, transfer: &Transfer) -> Result<Recorded, Refusal> {
        if let Some(row) = self.known.get(&transfer.id) {
            return row.answers(transfer);
        }
        if let Some(unsound) = transfer.unsound() {
            return Err(unsound);
        }
        match transfer.action {
            Action::Post(movement) => self.move_now(transfer, movement),
            Action::Hold { movement, timeout_secs, partly } => self.hold(transfer, movement, timeout_secs, partly),
            Action::Commit { hold, amount, keep_rest } => self.commit(transfer, hold, amount, keep_rest),
            Action::Reverse { of, amount } => self.reverse(transfer, of, amount),
            Action::Release { hold: id } => {
                let hold = self.open_hold(id)?;
                let given_back = hold.remaining;
                self.move_held(hold, End { hold: id, taken: Amount::ZERO, given_back, how: Some(Ended::Voided) });
                Ok(self.write_for(transfer, hold.movement(given_back), Kind::VoidPending, Some(id)))
            }
        }
    }

    fn move_now(&mut self, transfer: &Transfer, movement: Movement) -> Result<Recorded, Refusal> {
        let (debit, credit) = self.with_room(movement)?;
        let debits_posted = sum(debit.totals.debits_posted, movement.amount, movement.debit)?;
        let credits_posted = sum(credit.totals.credits_posted, movement.amount, movement.credit)?;
        self.totals(movement.debit).debits_posted = debits_posted;
        self.totals(movement.credit).credits_posted = credits_posted;
        Ok(self.write_for(transfer, movement, Kind::Posted, None))
    }

    fn hold(
        &mut self,
        transfer: &Transfer,
        movement: Movement,
        timeout_secs: Option<u32>,
        partly: bool,
    ) -> Result<Recorded, Refusal> {
        let (debit, credit) = self.with_room(movement)?;
        let debits_pending = sum(debit.totals.debits_pending, movement.amount, movement.debit)?;
        let credits_pending = sum(credit.totals.credits_pending, movement.amount, movement.credit)?;
        self.totals(movement.debit).debits_pending = debits_pending;
        self.totals(movement.credit).credits_pending = credits_pending;
        let expires_at = timeout_secs.map(|secs| self.now + Duration::seconds(secs.into()));
        let (debit, credit, remaining) = (movement.debit, movement.credit, movement.amount);
        let hold = Hold { debit, credit, remaining, at_first: remaining, partly, expires_at, ended: None };
        self.holds.insert(transfer.id, hold);
        Ok(self.write_for(transfer, movement, Kind::Pending, None))
    }

    fn commit(
        &mut self,
        transfer: &Transfer,
        id: TransferId,
        amount: Option<Amount>,
        keep_rest: bool,
    ) -> Result<Recorded, Refusal> {
        let hold = self.open_hold(id)?;
        let (left, taken) = (hold.remaining, amount.unwrap_or(hold.remaining));
        let Some(rest) = left.checked_sub(taken) else {
            return Err(Refusal::ExceedsHold { hold: id, left, asked: taken });
        };
        if keep_rest && !hold.partly {
            return Err(Refusal::HoldEndsAtOnce(id));
        }
        sum(self.accounts[&hold.debit].totals.debits_posted, taken, hold.debit)?;
        sum(self.accounts[&hold.credit].totals.credits_posted, taken, hold.credit)?;
        let stays = keep_rest && rest > Amount::ZERO;
        let given_back = if stays { Amount::ZERO } else { rest };
        self.move_held(hold, End { hold: id, taken, given_back, how: (!stays).then_some(Ended::Posted) });
        Ok(self.write_for(transfer, hold.movement(taken), Kind::PostPending, Some(id)))
    }

    fn reverse(&mut self, transfer: &Transfer, of: TransferId, amount: Option<Amount>) -> Result<Recorded, Refusal> {
        let moved = *self.moved.get(&of).ok_or(Refusal::NoTransfer(of))?;
        if moved.is_reversal {
            return Err(Refusal::IsReversal(of));
        }
        let (left, asked) = (moved.left, amount.unwrap_or(moved.left));
        let rest = left.checked_sub(asked).filter(|_| asked > Amount::ZERO);
        let Some(rest) = rest else { return Err(Refusal::ExceedsTransfer { of, left, asked }) };
        let back = Movement { debit: moved.credit, credit: moved.debit, amount: asked };
        let recorded = self.move_now(transfer, back)?;
        self.moved.insert(of, Moved { left: rest, ..moved });
        Ok(recorded)
    }

    fn open_hold(&self, id: TransferId) -> Result<Hold, Refusal> {
        let hold = *self.holds.get(&id).ok_or(Refusal::NoHold(id))?;
        let over = hold.expires_at.is_some_and(|at| at <= self.now).then_some(Ended::Expired);
        match hold.ended.or(over) {
            Some(how) => Err(Refusal::HoldEnded { hold: id, how }),
            None => Ok(hold),
        }
    }

    /// Both accounts, where they are two of one asset that have room for it.
    fn with_room(&self, movement: Movement) -> Result<(&Account, &Account), Refusal> {
        let Movement { debit, credit, amount: asked } = movement;
        let account = |id| self.accounts.get(&id).ok_or(Refusal::NoAccount(id));
        let (from, to) = (account(debit)?, account(credit)?);
        if from.asset != to.asset {
            return Err(Refusal::AssetsDiffer);
        }
        for (account, id, side) in [(from, debit, Limited::Debits), (to, credit, Limited::Credits)] {
            let available = account.totals.available(side);
            if account.limited == Some(side) && available < asked {
                return Err(Refusal::Overdraft { account: id, available, asked });
            }
        }
        Ok((from, to))
    }

    /// Takes from a hold, and gives back. Its accounts are there: they were when it was made, and it was read with them.
    fn move_held(&mut self, hold: Hold, end: End) {
        let (taken, gone) = (end.taken, end.taken.saturating_add(end.given_back));
        let debit = self.totals(hold.debit);
        debit.debits_pending = debit.debits_pending.saturating_sub(gone);
        debit.debits_posted = debit.debits_posted.saturating_add(taken);
        let credit = self.totals(hold.credit);
        credit.credits_pending = credit.credits_pending.saturating_sub(gone);
        credit.credits_posted = credit.credits_posted.saturating_add(taken);
        let remaining = hold.remaining.saturating_sub(gone);
        self.holds.insert(end.hold, Hold { remaining, ended: end.how, ..hold });
    }

    fn totals(&mut self, id: AccountId) -> &mut Totals {
        &mut self.accounts.get_mut(&id).expect("an account that was read").totals
    }

    fn write_for(&mut self, transfer: &Transfer, moved: Movement, kind: Kind, hold: Option<TransferId>) -> Recorded {
        let (timeout_secs, partly) = match transfer.action {
            Action::Hold { timeout_secs, partly, .. } => (timeout_secs, partly),
            Action::Commit { keep_rest, .. } => (None, keep_rest),
            Action::Post(_) | Action::Release { .. } | Action::Reverse { .. } => (None, false),
        };
        let reverses = match transfer.action {
            Action::Reverse { of, .. } => Some(of),
            _ => None,
        };
        self.write(Row {
            id: transfer.id,
            debit: moved.debit,
            credit: moved.credit,
            amount: moved.amount,
            kind,
            hold,
            reverses,
            timeout_secs,
            partly,
            code: transfer.code.clone(),
            reference: transfer.reference.clone(),
            event_at: transfer.event_at.unwrap_or(self.now),
            created_at: self.now,
        })
    }

    fn write(&mut self, row: Row) -> Recorded {
        let recorded = row.recorded(false);
        if matches!(row.kind, Kind::Posted | Kind::PostPending) {
            let Row { id, debit, credit, amount: left, .. } = row;
            self.moved.insert(id, Moved { debit, credit, left, is_reversal: row.reverses.is_some() });
        }
        self.known.insert(row.id, row.clone());
        self.written.push(row);
        recorded
    }

    fn touched_by(&self, transfers: &[Transfer]) -> Before {
        let mut before =
            Before { written: self.written.len(), accounts: Vec::new(), holds: Vec::new(), moved: Vec::new() };
        for transfer in transfers {
            let accounts = match transfer.action {
                Action::Post(movement) | Action::Hold { movement, .. } => [movement.debit, movement.credit],
                Action::Commit { hold: id, .. } | Action::Release { hold: id } => {
                    let Some(hold) = self.holds.get(&id) else { continue };
                    before.holds.push((id, *hold));
                    [hold.debit, hold.credit]
                }
                Action::Reverse { of, .. } => {
                    let Some(moved) = self.moved.get(&of) else { continue };
                    before.moved.push((of, *moved));
                    [moved.debit, moved.credit]
                }
            };
            before.accounts.extend(accounts.iter().filter_map(|id| Some((*id, self.accounts.get(id)?.clone()))));
        }
        before
    }

    fn put_back(&mut self, before: Before) {
        for row in self.written.drain(before.written..) {
            self.known.remove(&row.id);
            self.moved.remove(&row.id);
            self.holds.remove(&row.id);
        }
        self.accounts.extend(before.accounts);
        self.holds.extend(before.holds);
        self.moved.extend(before.moved);
    }
}

/// What becomes of a hold.
struct End {
    hold: TransferId,
    taken: Amount,
    given_back: Amount,
    /// `None`: the rest stays held.
    how: Option<Ended>,
}

/// What linked transfers may change, before them.
struct Before {
    written: usize,
    accounts: Vec<(AccountId, Account)>,
    holds: Vec<(TransferId, Hold)>,
    moved: Vec<(TransferId, Moved)>,
}

impl Hold {
    const fn movement(&self, amount: Amount) -> Movement {
        Movement { debit: self.debit, credit: self.credit, amount }
    }
}

fn sum(total: Amount, more: Amount, account: AccountId) -> Result<Amount, Refusal> {
    total.checked_add(more).ok_or(Refusal::TooMuch(account))
}
