//! Batches that nothing is in the way of: what they write, without looking at any account.
//!
//! The database refuses the whole where an account has no room, an id is there already or a hold is not as it was; then the batches go the
//! way of [`super::fold`], which says of each transfer why.

use std::collections::{BTreeMap, HashMap};

use super::{
    Action, Amount, Ended, Movement, Transfer,
    fold::Hold,
    row::Kind,
    written::{Change, HoldChange, NewRow, Written},
};
use crate::ids::{AccountId, TransferId};

/// `None`: one of them is refused whatever the accounts are, or takes something back, which is rare. `holds` are those that the
/// batches end or take from.
pub(super) fn plainly<'a>(batches: &[&'a [Transfer]], holds: HashMap<TransferId, Hold>) -> Option<Written<'a>> {
    let mut plain = Plain { holds, accounts: BTreeMap::new(), ended: BTreeMap::new() };
    let transfers = batches.iter().copied().flatten();
    let rows = transfers.map(|transfer| plain.post(transfer)).collect::<Option<_>>()?;
    Some(Written { rows, accounts: plain.accounts, holds: plain.ended, clock: None })
}

/// The holds that the batches end or take from.
pub(super) fn ended(batches: &[&[Transfer]]) -> Vec<TransferId> {
    let transfers = batches.iter().copied().flatten();
    let hold = |transfer: &Transfer| match transfer.action {
        Action::Commit { hold, .. } | Action::Release { hold } => Some(hold),
        Action::Post(_) | Action::Hold { .. } | Action::Reverse { .. } => None,
    };
    transfers.filter_map(hold).collect()
}

struct Plain {
    holds: HashMap<TransferId, Hold>,
    accounts: BTreeMap<AccountId, Change>,
    ended: BTreeMap<TransferId, HoldChange>,
}

impl Plain {
    fn post<'a>(&mut self, transfer: &'a Transfer) -> Option<NewRow<'a>> {
        if transfer.unsound().is_some() {
            return None;
        }
        let row = |movement: Movement, kind: Kind| NewRow {
            id: transfer.id.0,
            debit: movement.debit.0,
            credit: movement.credit.0,
            amount: movement.amount,
            kind: kind.number(),
            hold: None,
            reverses: None,
            timeout_secs: None,
            partly: false,
            code: &transfer.code,
            reference: transfer.reference.as_deref(),
            event_at: transfer.event_at,
        };
        match transfer.action {
            Action::Post(movement) => Some(row(self.moved(movement, Kind::Posted), Kind::Posted)),
            Action::Hold { movement, timeout_secs, partly } => {
                let timeout_secs = timeout_secs.and_then(|secs| i32::try_from(secs).ok());
                Some(NewRow { timeout_secs, partly, ..row(self.moved(movement, Kind::Pending), Kind::Pending) })
            }
            Action::Commit { hold, amount, keep_rest } => {
                let moved = self.commit(hold, amount, keep_rest)?;
                Some(NewRow { hold: Some(hold.0), partly: keep_rest, ..row(moved, Kind::PostPending) })
            }
            Action::Release { hold } => {
                let given_back = self.holds.get(&hold)?.remaining;
                let moved = self.end(hold, Amount::ZERO, given_back, Some(Ended::Voided))?;
                Some(NewRow { hold: Some(hold.0), ..row(moved, Kind::VoidPending) })
            }
            Action::Reverse { .. } => None,
        }
    }

    fn moved(&mut self, movement: Movement, kind: Kind) -> Movement {
        self.accounts.entry(movement.debit).or_default().debit(movement.amount, kind);
        self.accounts.entry(movement.credit).or_default().credit(movement.amount, kind);
        movement
    }

    fn commit(&mut self, id: TransferId, amount: Option<Amount>, keep_rest: bool) -> Option<Movement> {
        let hold = self.holds.get(&id)?;
        let taken = amount.unwrap_or(hold.remaining);
        let rest = hold.remaining.checked_sub(taken)?;
        if keep_rest && !hold.partly {
            return None;
        }
        let stays = keep_rest && rest > Amount::ZERO;
        let given_back = if stays { Amount::ZERO } else { rest };
        Some(Movement { amount: taken, ..self.end(id, taken, given_back, (!stays).then_some(Ended::Posted))? })
    }

    /// Takes from a hold and gives back; `how` when nothing stays held. The movement is of what is given back.
    fn end(&mut self, id: TransferId, taken: Amount, given_back: Amount, how: Option<Ended>) -> Option<Movement> {
        let hold = self.holds.get_mut(&id).filter(|hold| hold.ended.is_none())?;
        let gone = taken.checked_add(given_back)?;
        (hold.remaining, hold.ended) = (hold.remaining.checked_sub(gone)?, how);
        self.ended.insert(id, HoldChange::of(hold));
        self.accounts.entry(hold.debit).or_default().end_debit(gone, taken);
        self.accounts.entry(hold.credit).or_default().end_credit(gone, taken);
        Some(Movement { debit: hold.debit, credit: hold.credit, amount: given_back })
    }
}
